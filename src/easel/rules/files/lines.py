"""The text of a rules file as numbered lines. Its size is checked before it is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from easel.rules.errors import RulesFileNotTextError, RulesFileTooLargeError
from easel.rules.models import LARGEST_FILE

MOST_LINES = 20_000
"""Limit of lines with content that are parsed. Further lines are only searched for guards."""
TOO_MANY = f"it stands behind {MOST_LINES} other lines."
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BREAKS = str.maketrans("", "", "\t\r\n")
_SHOWN = 120
"""Maximum number of characters of a line in a message."""


def text_of(name: str, data: bytes) -> str:
    """The text of a rules file, without its byte-order mark. Raises RulesFileTooLargeError above LARGEST_FILE, and
    RulesFileNotTextError for invalid UTF-8."""
    if len(data) > LARGEST_FILE:
        raise RulesFileTooLargeError(name=name, size=len(data), limit=LARGEST_FILE)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RulesFileNotTextError(name=name, at=error.start) from None


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """Every line with content, with its number from 1, stripped. CR, LF and CR LF end lines."""
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if (stripped := line.strip()) and not stripped.startswith("#"):
            yield number, stripped


def without_breaks(text: str) -> str:
    """The text without white space and line breaks."""
    return text.translate(_BREAKS)


def shown(line: str) -> str:
    """The line for a message: its beginning, without control characters."""
    kept = line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
    return "".join(char if char.isprintable() else "�" for char in kept)


def has_control(text: str) -> bool:
    """Whether the text contains a control character, which is forbidden in headers."""
    return _CONTROL.search(text) is not None
