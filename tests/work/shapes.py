"""Texts of any length that make a reader work: strangers' content for a header, a path, a name or a body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as parts  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

FILLS = (
    " ",
    "\t",
    "0",
    "7",
    "a",
    "A-",
    "-deadbeef.",
    "\u0300\u0316",
    "\u0316\u0300",
    "\ud55c",
    ",",
    ";",
    "a;q=0.5,",
    '"',
    'W/"x", ',
    "/",
    "\\",
    "./",
    "../",
    ".",
    "[",
    "{",
    "<",
    ":",
    "=",
    "&a",
    "%",
    "%41",
    "%cc%80%cc%96",
    "\n",
    "\r\n",
    "\x1b[",
)
"""The repeated texts."""

STARTS = {
    "accept-encoding": ("gzip;q=", "gzip;"),
    "authorization": ("Bearer ", "Bearer sk_"),
    "connection": ("keep-alive",),
    "content-type": ("application/json;", "application/json; charset="),
    "if-modified-since": ("Sun, 06 Nov 1994 08:49:37 ",),
    "if-none-match": ('"x", W/"',),
    "if-range": ('W/"', "Sun, 06 Nov 1994 "),
    "range": ("bytes=", "bytes=1-", "bytes=1-2,"),
    "x-forwarded-for": ("127.0.0.1",),
}
"""Prefixes of values that are parsed further, by header."""


def filled(start: str, fill: str, length: int, end: str = "") -> str:
    """Returns a text of about this many characters."""
    return start + fill * max(0, (length - len(start) - len(end)) // len(fill)) + end


def fills_for(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """Yields texts that lead a match to each repetition in the pattern, each with the texts that can be repeated
    there."""
    prefixes = {"": None}
    fills = dict.fromkeys(FILLS)
    _collect(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG), "", prefixes, fills)
    wanted = [fill for fill in fills if fill not in FILLS or any(c in repr(pattern.pattern) for c in fill)]
    blanks = [" "] if "\\s" in repr(pattern.pattern) or "[^" in repr(pattern.pattern) else []
    for prefix in prefixes:
        for fill in dict.fromkeys((*wanted, *blanks, "a", "1", *([prefix] if prefix else ()))):
            yield prefix, fill


def _collect(items: Any, before: str, prefixes: dict[str, None], fills: dict[str, None]) -> str:
    """Returns the shortest text that the items match, after `before`. Records the repetitions on the way."""
    text = before
    for kind, value in items:
        if kind in (parts.MAX_REPEAT, parts.MIN_REPEAT, parts.POSSESSIVE_REPEAT):
            least, most, inner = value
            prefixes[text[:80]] = None
            once = _collect(inner, text, prefixes, fills)[len(text) :]
            if most > 1 and once:
                fills[once] = None
            text += once * least
        elif kind is parts.SUBPATTERN:
            text = _collect(value[3], text, prefixes, fills)
        elif kind is parts.BRANCH:
            texts = [_collect(branch, text, prefixes, fills) for branch in value[1]]
            text = texts[0]
        elif kind is parts.LITERAL:
            text += chr(value)
        elif kind is parts.NOT_LITERAL:
            text += "x" if value != ord("x") else "y"
        elif kind is parts.ANY:
            text += "x"
        elif kind is parts.IN:
            text += _one_of(value)
    return text


def _one_of(choices: Any) -> str:
    kind, value = choices[0]
    if kind is parts.NEGATE:
        pattern_of = {parts.LITERAL: lambda v: {chr(v)}, parts.RANGE: lambda v: set(map(chr, range(v[0], v[1] + 1)))}
        refused: set[str] = set()
        for kind, value in choices[1:]:
            if kind in pattern_of:
                refused |= pattern_of[kind](value)
        return next(c for c in "x1- \u0300" if c not in refused)
    if kind is parts.RANGE:
        return chr(value[0])
    if kind is parts.CATEGORY:
        return "1" if "DIGIT" in str(value) else " " if "SPACE" in str(value) else "x"
    return chr(value)
