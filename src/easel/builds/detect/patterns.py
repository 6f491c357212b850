"""Path patterns: `*` and `?` match characters of a name, `**` matches any folders. A pattern is matched part by part
without backtracking, because users control both patterns and paths."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_ANY: Final = "**"
_LONGEST: Final = 500
_MOST_PARTS: Final = 20


class Pattern:
    """One pattern, its parts separated by '/'. A pattern that is too long or has too many parts matches nothing."""

    def __init__(self, text: str) -> None:
        parts = tuple(part for part in text.split("/") if part not in ("", "."))
        self._parts = parts if len(text) <= _LONGEST and len(parts) <= _MOST_PARTS else None

    def fits(self, path: str) -> bool:
        """Returns true if the pattern matches the whole path."""
        return self._parts is not None and len(self._parts) in self._reached(path.split("/"), to_the_end=True)

    def covers(self, path: str) -> bool:
        """Returns true if the pattern matches the path or one of its parent folders."""
        return self._parts is not None and len(self._parts) in self._reached(path.split("/"), to_the_end=False)

    def _reached(self, path: list[str], *, to_the_end: bool) -> set[int]:
        """Returns the positions in the pattern's parts that are possible after matching all names of the path. Without
        `to_the_end`, stops at the first parent folder that matches the whole pattern."""
        wanted = self._parts or ()
        places = _skipped({0}, wanted)
        for name in path:
            following = {place for place in places if place < len(wanted) and wanted[place] == _ANY}
            following |= {
                place + 1
                for place in places
                if place < len(wanted) and wanted[place] != _ANY and _names(wanted[place]).match(name)
            }
            places = _skipped(following, wanted)
            if len(wanted) in places and not to_the_end:
                break
        return places


def is_ignored(path: str, patterns: Iterable[str]) -> bool | None:
    """Returns true if the patterns ignore the path, by the rules of gitignore(5). Returns None if no pattern matches.

    The last match decides. A pattern with `!` includes the path again. A pattern without '/' matches at any depth. A
    match of a folder also ignores the folder's content.
    """
    ignored = None
    for text in patterns:
        plain = text.removeprefix("!").strip()
        is_anywhere = "/" not in plain.rstrip("/")
        if plain and _compiled(f"{_ANY}/{plain}" if is_anywhere else plain).covers(path):
            ignored = not text.startswith("!")
    return ignored


def _skipped(places: set[int], wanted: tuple[str, ...]) -> set[int]:
    """Returns the positions, and the positions after each `**` at them, because a `**` may match no folder."""
    reached = set(places)
    for place in places:
        at = place
        while at < len(wanted) and wanted[at] == _ANY:
            at += 1
            reached.add(at)
    return reached


@lru_cache(maxsize=512)
def _compiled(text: str) -> Pattern:
    return Pattern(text)


@lru_cache(maxsize=512)
def _names(part: str) -> re.Pattern[str]:
    # `fnmatch` searches for the end of each bracket up to the end of the pattern. Brackets after the last `]` are
    # therefore escaped. They are ordinary characters.
    head, closing, tail = part.rpartition("]")
    return re.compile(fnmatch.translate(head + closing + tail.replace("[", "[[]")), re.DOTALL)
