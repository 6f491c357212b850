"""Searches texts for a few bytes. The search must be fast, because a large bundle has a hundred megabytes of text,
which is searched several times.

StringZilla uses vector instructions, and is up to twenty times faster than Python. The command line works without
StringZilla.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

_find: Callable[[bytes, bytes, int], int]
_translate: Callable[[bytes, bytes], bytes]
try:
    import stringzilla
except ImportError:  # An installation of the command line alone lacks StringZilla.
    _find, _translate = bytes.find, bytes.translate
else:
    _find = cast("Callable[[bytes, bytes, int], int]", stringzilla.find)
    _translate = cast("Callable[[bytes, bytes], bytes]", stringzilla.translate)


def find(content: bytes, text: bytes, start: int = 0) -> int:
    """Returns the offset of the first occurrence of `text` in `content`, at or after `start`. Returns -1 if there is
    none."""
    return _find(content, text, start)


def translated(content: bytes, table: bytes) -> bytes:
    """Returns the content with each byte replaced by the byte at this index in `table`, which has 256 bytes."""
    return _translate(content, table)


def holds(content: bytes, text: bytes) -> bool:
    """Returns true if `content` contains `text`."""
    return _find(content, text, 0) >= 0


def offsets(content: bytes, text: bytes) -> Iterator[int]:
    """Yields the offsets of all occurrences of `text` in `content`."""
    at = _find(content, text, 0)
    while at >= 0:
        yield at
        at = _find(content, text, at + 1)
