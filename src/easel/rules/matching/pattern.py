"""Path patterns with literals, `:placeholders` and wildcards (`*`), matched in one pass.

A pattern consists of a run of segments and at most two wildcards, each followed by another run of segments. The run
before the first wildcard is matched from the front, and the run after the last wildcard from the end. No part is tried
twice, whatever the path is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from easel.composed import composed
from easel.rules.matching.paths import ESCAPED_SLASH, RequestPath
from easel.rules.matching.segments import SPLAT, PlaceholderSegment, Segment, Star
from easel.rules.models import Dialect

MOST_SEGMENTS = 64
"""Maximum number of segments of a pattern."""
_MOST_STARS = 2
_MOST_MIDDLE = 64
"""Maximum number of segments of a request's path that are searched for the text between two wildcards of a pattern."""

_WHOLE_NAME = re.compile(r":([A-Za-z0-9_-]+)\Z")
_NAME = re.compile(r":([A-Za-z]\w*)", re.ASCII)
_LONGEST_NAME = 64
_WORD = re.compile(r"[\w-]{0,64}", re.ASCII)


class PatternError(ValueError):
    """Raised for a path pattern that matches nothing, or that cannot be matched in one pass. Its text is the reason."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A path pattern of a rule. `stars` are its wildcards. `runs` are the segments before the first wildcard, between
    wildcards, and after the last wildcard."""

    runs: tuple[tuple[Segment, ...], ...]
    stars: tuple[Star, ...]
    forgiving: bool
    """True if a trailing slash makes no difference, and `/a/*` also matches `/a`."""

    @property
    def names(self) -> frozenset[str]:
        """Returns the names of all placeholders in the pattern, and of its wildcards."""
        return frozenset(self._holes) | ({SPLAT} if self.stars else set())

    @property
    def has_twins(self) -> bool:
        """Returns true if two placeholders of the pattern have the same name."""
        holes = self._holes
        return len(set(holes)) < len(holes)

    @property
    def _holes(self) -> list[str]:
        holes = [
            name
            for run in self.runs
            for segment in run
            if isinstance(segment, PlaceholderSegment)
            for name in segment.names
        ]
        return holes + [name for star in self.stars for name in star.names]

    @property
    def odd(self) -> int:
        """Returns the number of places in the pattern that an index cannot distinguish: placeholders inside a segment,
        and text after a wildcard."""
        odd = 0
        for run in self.runs:
            for segment in run:
                if not isinstance(segment, str) and not segment.whole:
                    odd += 1
        if self.stars:
            odd += len(self.stars) > 1 or bool(self.runs[-1]) or not self.stars[0].plain
        return odd

    @property
    def segments(self) -> int:
        """Returns the number of segments in the path pattern."""
        return sum(map(len, self.runs)) + len(self.stars) if self.stars else len(self.runs[0])

    @property
    def literal(self) -> bool:
        """Returns true if the pattern matches exactly one path, because it has no placeholder and no wildcard."""
        if self.stars:
            return False
        for segment in self.runs[0]:  # noqa: SIM110 - ten thousand lines are read at once
            if not isinstance(segment, str):
                return False
        return True

    @property
    def _behind(self) -> tuple[Segment, ...]:
        return self.runs[-1] if self.stars else ()

    def catch(self, path: RequestPath) -> dict[str, str] | None:
        """Matches a path. Returns the strings that the placeholders and wildcards capture, by name. Returns None if the
        path does not match."""
        caught: dict[str, str] = {}
        segments = path.bare if self.forgiving and not self.stars else path.segments
        head = self.runs[0]
        if not self.stars:
            return caught if len(segments) == len(head) and _all_catch(head, segments, caught) else None
        if self.forgiving and len(segments) > 1 and not segments[-1] and self._behind:
            segments = path.bare
        if len(segments) < len(head) or not _all_catch(head, segments[: len(head)], caught):
            return None
        rest = segments[len(head) :]
        if (not rest and not self.forgiving) or not self._catch_rest(rest, caught):
            return None
        if self.forgiving and self.stars[0].prefix:
            caught[SPLAT] = caught[SPLAT].removeprefix("/")
        return caught

    def _least(self, star: Star) -> int:
        """Returns the smallest number of segments that a wildcard of the pattern matches. This is 0 for Netlify, where
        `/a/*/b` matches `/a/b`."""
        return 0 if self.forgiving and star.plain else 1

    def _catch_rest(self, rest: tuple[str, ...], caught: dict[str, str]) -> bool:
        tail = self._behind
        if tail:
            if len(rest) < len(tail) + self._least(self.stars[-1]) or not _all_catch(
                tail, rest[len(rest) - len(tail) :], caught
            ):
                return False
            rest = rest[: len(rest) - len(tail)]
        first = self.stars[0]
        if len(self.stars) == 1:
            return first.catch(rest, caught)
        middle, last = self.runs[1], self.stars[1]
        if isinstance(last.suffix, str) and last.suffix and not (rest and rest[-1].endswith(last.suffix)):
            return False
        literal = middle[0] if middle and isinstance(middle[0], str) else None
        # The first wildcard takes as many segments as possible, as on Netlify.
        lowest = self._least(first)
        highest = min(len(rest) - len(middle) - self._least(last), _MOST_MIDDLE)
        for at in range(highest, lowest - 1, -1):
            if literal is not None and rest[at] != literal:
                continue
            here = dict(caught)
            behind = at + len(middle)
            if _all_catch(middle, rest[at:behind], here) and last.fits(rest, behind):
                caught.update(here)
                return first.catch(rest[:at], caught)
        return False


def _all_catch(run: tuple[Segment, ...], segments: tuple[str, ...], caught: dict[str, str]) -> bool:
    return all(
        segment == found if isinstance(segment, str) else segment.catch(found, caught)
        for segment, found in zip(run, segments, strict=True)
    )


def parse(path: str, dialect: Dialect, *, folds_case: bool = False) -> Pattern:
    """Parses the path of a redirect line or header block into a pattern. Raises PatternError.

    A `%` escape stands for its character. With `folds_case`, letters match in both cases.
    """
    segments = _decoded(path).split("/")[1:]
    forgiving = dialect == "netlify"
    while forgiving and segments and not segments[-1]:
        segments.pop()
    if len(segments) > MOST_SEGMENTS:
        raise PatternError(f"its path has {len(segments)} segments; the limit is {MOST_SEGMENTS}")
    if ":" not in path and "*" not in path:
        return Pattern((tuple(map(_folded, segments) if folds_case else segments),), (), forgiving)
    runs: list[list[Segment]] = [[]]
    stars: list[Star] = []
    for text in segments:
        if forgiving and text == "**":
            text = "*"  # Netlify reads `/docs/**` like `/docs/*`.
        count = text.count("*")
        if count > 1:
            raise PatternError("its path has two `*` in one segment")
        if folds_case:
            text = _folded(text)
        if not count:
            runs[-1].append(_segment(text, dialect))
            continue
        prefix, _, suffix = text.partition("*")
        if stars and not stars[-1].plain:
            raise PatternError("its path has a second `*`, but the first is not a whole segment")
        stars.append(_star(prefix, suffix))
        runs.append([])
    if len(stars) > _MOST_STARS:
        raise PatternError(f"its path has {len(stars)} `*`; the limit is two")
    if len(stars) > 1 and any(star.names for star in stars):
        raise PatternError("its path has two `*`, and a placeholder in the segment of one of them")
    return Pattern(tuple(map(tuple, runs)), tuple(stars), forgiving)


def folded(path: RequestPath) -> RequestPath:
    """Returns a request's path in lower case, for patterns that ignore case."""
    return RequestPath(tuple(segment.lower() for segment in path.segments))


def _folded(text: str) -> str:
    """Returns the text of a pattern in lower case. The names of its placeholders stay unchanged."""
    parts = _NAME.split(text)
    return "".join(part.lower() if at % 2 == 0 else f":{part}" for at, part in enumerate(parts))


def _decoded(path: str) -> str:
    if "\0" in path:
        raise PatternError("its path contains a NUL")
    # As in a request's path, an escaped slash is part of a name.
    escaped = ESCAPED_SLASH.sub("%00", path)
    try:
        return composed(unquote_to_bytes(escaped).decode() if "%" in path else path)
    except UnicodeDecodeError:
        raise PatternError("its path has an escape that is not UTF-8") from None


def _segment(text: str, dialect: Dialect) -> Segment:
    if ":" not in text:
        return text
    # The names of Netlify's placeholders may contain hyphens and be numbers. Inside a segment, the end of such a name
    # would be unclear.
    if dialect == "netlify" and (whole := _WHOLE_NAME.match(text)):
        return PlaceholderSegment(("", ""), (_checked(whole[1]),))
    return _holes(text)


def _holes(text: str) -> Segment:
    parts = _NAME.split(text)
    names, literals = tuple(parts[1::2]), tuple(parts[::2])
    if not names:
        return text
    if any(not literal for literal in literals[1:-1]):
        raise PatternError("two placeholders are adjacent, so the end of the first is undefined")
    return PlaceholderSegment(literals, tuple(map(_checked, names)))


def _star(prefix: str, suffix: str) -> Star:
    """Returns a wildcard (`*`) with the text or placeholders before and after it in its segment. Raises
    PatternError."""
    star = Star(_holes(prefix), _holes(suffix))
    if star.prefix != prefix and star.suffix != suffix:
        raise PatternError("its path has a `*` between two placeholders in one segment")
    if isinstance(star.suffix, PlaceholderSegment) and not star.suffix.literals[0]:
        raise PatternError("a placeholder follows a `*` directly, so the end of the `*` is undefined")
    return star


def _checked(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise PatternError(f"a placeholder's name has {len(name)} characters; the limit is {_LONGEST_NAME}")
    return name


def split(text: str, names: Collection[str]) -> tuple[tuple[bool, str], ...]:
    """Splits a text that contains placeholders into pieces: (False, literal text) and (True, name of a placeholder).

    A name that is not in `names` stays literal text. If several names match, the longest name is used, so `:idx` is not
    `:id` followed by an x.
    """
    pieces: list[tuple[bool, str]] = []
    done = at = 0
    while (colon := text.find(":", at)) >= 0:
        at = colon + 1
        if name := _longest(text, at, names):
            if colon > done:
                pieces.append((False, text[done:colon]))
            pieces.append((True, name))
            done = at = at + len(name)
    if done < len(text):
        pieces.append((False, text[done:]))
    return tuple(pieces)


def _longest(text: str, at: int, names: Collection[str]) -> str | None:
    """Returns the longest of the names that is complete at the offset `at`. A name that is followed by a letter is a
    different name. Returns None if there is none."""
    word = _WORD.match(text, at)
    assert word is not None
    for stop in range(len(word[0]), 0, -1):
        following = text[at + stop : at + stop + 1]
        if not (following.isalnum() or following == "_") and word[0][:stop] in names:
            return word[0][:stop]
    return None
