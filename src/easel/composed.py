"""Text in one spelling (NFC), however many marks a stranger puts in a row."""

from __future__ import annotations

import re
import unicodedata

# Every mark that combines is in this class; few runs of what is in it are marks.
_MAYBE_MARKS = re.compile(r"[^\w\x00-\x7f]{31,}")
_MOST_MARKS = 30


def composed(text: str) -> str:
    """The text in NFC (UAX #15), in time that grows with its length alone.

    Marks are put in order in time that grows with the square of how many stand in a row. Text with more than thirty in
    a row, which no language has (UAX #15 §13, Stream-Safe Text), stays as it is.
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
