"""Searching texts for a few bytes: a large bundle holds a hundred megabytes of them, each searched several times.

StringZilla does it with vector instructions, up to twenty times faster than Python. The command line does without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

_find: Callable[[bytes, bytes, int], int]
try:
    from stringzilla import find
except ImportError:  # the command line alone
    _find = bytes.find
else:
    _find = cast("Callable[[bytes, bytes, int], int]", find)


def holds(content: bytes, text: bytes) -> bool:
    """Whether the text is somewhere in the content."""
    return _find(content, text, 0) >= 0


def offsets(content: bytes, text: bytes) -> Iterator[int]:
    """Where in the content the text begins, again and again."""
    at = _find(content, text, 0)
    while at >= 0:
        yield at
        at = _find(content, text, at + 1)
