"""Text files as editors write them: UTF-8 with or without a byte-order mark, or UTF-16."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

# The little-endian mark of UTF-32 begins with the mark of UTF-16, so it is compared first.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(content: bytes) -> str:
    """Returns the text without its byte-order mark. A text without a byte-order mark is read as UTF-16 if it begins
    with an ASCII character in UTF-16, else as UTF-8. Raises ValueError with the reason in words."""
    encoding = _encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not valid UTF-8 (save the file as UTF-8)") from None


def decode_roughly(content: bytes) -> str:
    """Returns the text in the same way as `decode`, but with replacement characters for invalid bytes."""
    return content.decode(_encoding(content), "replace")


def _encoding(content: bytes) -> str:
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    unmarked = {(False, True): "utf-16-le", (True, False): "utf-16-be"}
    return marked or unmarked.get(_zeros(content), "utf-8")


def _zeros(content: bytes) -> tuple[bool, bool]:
    """Returns whether the first byte is zero, and whether the second byte is zero. In UTF-16, one of the two bytes of
    an ASCII character is zero."""
    return (content[0] == 0, content[1] == 0) if len(content) > 1 else (False, False)


def read_text(file: Path) -> str:
    """Returns the file's text, as from `decode`. Raises OSError, ValueError."""
    return decode(file.read_bytes())
