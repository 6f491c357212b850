"""Divides a rules file into numbered lines. The size of the file is checked before it is parsed."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from easel.rules.errors import RulesFileTooLargeError
from easel.rules.models import LARGEST_FILE, LARGEST_SEARCHED

MOST_LINES = 20_000
"""Maximum number of lines with content that are parsed. All further lines are only searched for guards, which protect
something from visitors."""
TOO_MANY = f"it is after the first {MOST_LINES} lines, which is the limit."
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BREAKS = str.maketrans("", "", "\t\r\n")
_BROKEN = re.compile("[\ud800-\udfff]")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHOWN = 120
"""Maximum number of characters of a line that a message shows."""


@dataclass(frozen=True, slots=True)
class FileText:
    """The text of a rules file. Only the first part (`read`) is parsed. The rest is only searched for guards (lines
    that protect something from visitors).

    Bytes that are not UTF-8 are lone surrogates in the text (PEP 383).
    """

    read: str
    rest: bytes = b""

    @property
    def reason_against(self) -> str | None:
        """Returns the reason why the file cannot be read as a whole. Returns None if the whole file can be read.
        Formats such as JSON, which are not read line by line, need the whole file."""
        if self.rest:
            return f"the file has more than {LARGEST_FILE:,} bytes."
        return "the file is not valid UTF-8. Save it as UTF-8." if has_broken(self.read) else None


def text_of(name: str, data: bytes) -> FileText:
    """Returns the text of a rules file, which is UTF-8 or UTF-16, without its byte-order mark.

    The parsed part ends with the last whole line of the first LARGEST_FILE bytes. Raises RulesFileTooLargeError above
    LARGEST_SEARCHED.
    """
    if len(data) > LARGEST_SEARCHED:
        raise RulesFileTooLargeError(name=name, size=len(data), limit=LARGEST_SEARCHED)
    if coding := _utf_16(data):
        data = data.decode(coding, "replace").encode()
    end = len(data)
    if end > LARGEST_FILE:
        end = max(data.rfind(b"\n", 0, LARGEST_FILE), data.rfind(b"\r", 0, LARGEST_FILE)) + 1
    return FileText(data[:end].decode("utf-8-sig", "surrogateescape"), data[end:])


def _utf_16(data: bytes) -> str | None:
    """Returns the encoding of a file in UTF-16, which editors and PowerShell write on Windows. Returns None for a file
    in any other encoding."""
    if data.startswith(_UTF_16):
        return "utf-16"
    head = data[:256]
    # Without a byte-order mark, zeros show the encoding. In UTF-16, every other byte of ASCII text is zero.
    for coding, start in (("utf-16-le", 1), ("utf-16-be", 0)):
        if head[start::2].count(0) * 4 >= len(head) > 0:
            return coding
    return None


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """Yields every line of a text that is not empty, stripped, with its number (counted from 1). CR, LF and CR LF end
    lines."""
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if (stripped := line.strip()) and not stripped.startswith("#"):
            yield number, stripped


def line_breaks(text: str) -> int:
    """Returns the number of line breaks in a text."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def without_breaks(text: str) -> str:
    """Returns a text without its tabs and line breaks."""
    return text.translate(_BREAKS)


def shown(line: str) -> str:
    """Returns the first characters of a line of a rules file for a message, without control characters."""
    kept = line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
    return "".join(char if char.isprintable() else "�" for char in kept)


def reason_against_text(line: str) -> str | None:
    """Returns the reason why the text of a line cannot be read. Returns None if it can be."""
    if has_control(line.replace("\t", " ")):
        return "it contains a control character."
    return "it contains a byte that is not UTF-8. Save the file as UTF-8." if has_broken(line) else None


def has_broken(text: str) -> bool:
    """Returns true if the text of a rules file contains bytes that are not UTF-8."""
    return not text.isascii() and _BROKEN.search(text) is not None


def has_control(text: str) -> bool:
    """Returns true if the text contains a control character, which is forbidden in headers."""
    return _CONTROL.search(text) is not None
