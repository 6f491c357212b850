"""Normalises text to NFC in linear time, even with very many combining marks in a row."""

from __future__ import annotations

import re
import unicodedata

# Every combining mark is in this class. Most other characters in the class are rarely repeated.
_MAYBE_MARKS = re.compile(r"[^\w\x00-\x7f]{31,}")
_MOST_MARKS = 30


def composed(text: str) -> str:
    """Returns the text in NFC (UAX #15), in time linear in its length.

    Sorting marks takes time quadratic in the length of a run of marks. A text with a run of more than thirty marks is
    returned unchanged. No language has such a run (UAX #15 §13, Stream-Safe Text).
    """
    if text.isascii() or any(_holds_many_marks(run[0]) for run in _MAYBE_MARKS.finditer(text)):
        return text
    return unicodedata.normalize("NFC", text)


def _holds_many_marks(run: str) -> bool:
    marks = 0
    for character in run:
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        if marks > _MOST_MARKS:
            return True
    return False
