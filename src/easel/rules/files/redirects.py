"""Reads `_redirects` line by line. A refused line is reported with its reason, and all other lines stay in force."""

from __future__ import annotations

from easel.rules.files.cloudflare_line import cloudflare_line
from easel.rules.files.lines import (
    MOST_LINES,
    TOO_MANY,
    has_broken,
    has_control,
    numbered,
    reason_against_text,
    without_breaks,
)
from easel.rules.files.netlify_line import netlify_line
from easel.rules.files.reading import BadLineError, Reading, seems_guard
from easel.rules.models import LONGEST_LINE, REDIRECTS


def read_redirects(text: str, reading: Reading) -> None:
    """Reads all lines of a `_redirects` file into `reading`, in the dialect that `reading` has."""
    longest = LONGEST_LINE[reading.dialect]
    is_clean = not has_control(without_breaks(text)) and not has_broken(text)
    seen: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for count, (number, line) in enumerate(numbered(text), 1):
        if count > MOST_LINES:
            reading.refuse(REDIRECTS, number, line, TOO_MANY, guards=seems_guard(line))
            continue
        try:
            if len(line) > longest:
                reason = f"it has {len(line)} characters; the limit is {longest}."
                raise BadLineError(reason, guards=seems_guard(line))
            if not is_clean and (fault := reason_against_text(line)):
                raise BadLineError(fault, guards=seems_guard(line))
            words = _words(line)
            if reading.dialect == "netlify":
                redirect = netlify_line(words, number, reading)
            else:
                redirect = cloudflare_line(words, number)
                first = seen.setdefault((redirect.source, redirect.query), number)
                if first != number:
                    raise BadLineError(f"line {first} has the same source.")
            reading.add(redirect)
        except BadLineError as bad:
            reading.refuse(REDIRECTS, number, line, str(bad), guards=bad.guards)


def _words(line: str) -> list[str]:
    """Splits a line of a rules file into words. A comment is left out."""
    words = line.split()
    if "#" not in line:
        return words
    return next((words[:at] for at, word in enumerate(words) if word.startswith("#")), words)
