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
from easel.rules.models import Dialect

MOST_SEGMENTS = 64
"""Maximum number of segments of a pattern."""
_MOST_STARS = 2
_MOST_MIDDLE = 64
"""Maximum number of segments of a path that are searched for the text between two wildcards."""

_WHOLE_NAME = re.compile(r":([A-Za-z0-9_-]+)\Z")
_NAME = re.compile(r":([A-Za-z]\w*)", re.ASCII)
_LONGEST_NAME = 64
_WORD = re.compile(r"[\w-]{0,64}", re.ASCII)

SPLAT = "splat"


class PatternError(ValueError):
    """A pattern that matches nothing, or that cannot be matched in one pass. Its text is the reason."""


@dataclass(frozen=True, slots=True)
class PlaceholderSegment:
    """A segment with placeholders (`names`) between `literals`. There is one literal more than there are
    placeholders."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Returns true if the segment is a single placeholder."""
        return self.literals == ("", "")

    def catch(self, segment: str, caught: dict[str, str]) -> bool:
        """Puts the string of each placeholder into `caught`. Each placeholder captures at least one character. The
        first placeholder captures as many characters as possible. If two segments contain placeholders with the same
        name, the first one counts, as on Netlify."""
        first, last = self.literals[0], self.literals[-1]
        if len(segment) < len(first) + len(last) or not segment.startswith(first) or not segment.endswith(last):
            return False
        stop = len(segment) - len(last)
        # The loop begins at the last placeholder, which takes as few characters as possible, so that earlier
        # placeholders get most.
        for index in range(len(self.names) - 1, 0, -1):
            literal = self.literals[index]
            at = segment.rfind(literal, len(first) + 1, stop - 1)
            if at < 0:
                return False
            if not _take(caught, self.names[index], segment[at + len(literal) : stop]):
                return False
            stop = at
        return _take(caught, self.names[0], segment[len(first) : stop])


def _take(caught: dict[str, str], name: str, text: str) -> bool:
    caught.setdefault(name, text)
    return bool(text)


Segment = str | PlaceholderSegment


@dataclass(frozen=True, slots=True)
class Star:
    """A wildcard (`*`), with the text before and after it in its segment."""

    prefix: str = ""
    suffix: str = ""

    @property
    def plain(self) -> bool:
        """Returns true if the wildcard is the whole segment."""
        return not self.prefix and not self.suffix


@dataclass(frozen=True, slots=True)
class Pattern:
    """A path pattern. `runs` are the segments before the first wildcard, between wildcards, and after the last
    wildcard."""

    runs: tuple[tuple[Segment, ...], ...]
    stars: tuple[Star, ...]
    forgiving: bool
    """True if a trailing slash makes no difference, and `/a/*` also matches `/a`."""

    @property
    def names(self) -> frozenset[str]:
        """Returns the names of all placeholders and wildcards."""
        holes = (segment for run in self.runs for segment in run if isinstance(segment, PlaceholderSegment))
        return frozenset(name for segment in holes for name in segment.names) | ({SPLAT} if self.stars else set())

    @property
    def has_twins(self) -> bool:
        """Returns true if a placeholder's name occurs twice."""
        holes = [
            name
            for run in self.runs
            for segment in run
            if isinstance(segment, PlaceholderSegment)
            for name in segment.names
        ]
        return len(set(holes)) < len(holes)

    @property
    def odd(self) -> int:
        """Returns the number of places that an index cannot distinguish: placeholders inside a segment, and text after
        a wildcard."""
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
        """Returns the number of segments."""
        return sum(map(len, self.runs)) + len(self.stars) if self.stars else len(self.runs[0])

    @property
    def literal(self) -> bool:
        """Returns true if the pattern matches a single path."""
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
        """Returns the captured strings of a path by name. Returns None if the path does not match."""
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
        """Returns the smallest number of segments that a wildcard matches. On Netlify, `/a/*/b` matches `/a/b`."""
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
            return _catch_star(first, rest, caught)
        middle, last = self.runs[1], self.stars[1]
        if last.suffix and not (rest and rest[-1].endswith(last.suffix)):
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
            if _all_catch(middle, rest[at:behind], here) and _fits(last, rest, behind):
                caught.update(here)
                return _catch_star(first, rest[:at], caught)
        return False


def _all_catch(run: tuple[Segment, ...], segments: tuple[str, ...], caught: dict[str, str]) -> bool:
    return all(
        segment == found if isinstance(segment, str) else segment.catch(found, caught)
        for segment, found in zip(run, segments, strict=True)
    )


def _fits(star: Star, segments: tuple[str, ...], start: int = 0) -> bool:
    """Returns true if the segments from `start` on match the wildcard. The texts before and after the wildcard are each
    in one segment."""
    if start >= len(segments):
        return star.plain
    first, last = segments[start], segments[-1]
    is_long = start < len(segments) - 1 or len(first) >= len(star.prefix) + len(star.suffix)
    return is_long and first.startswith(star.prefix) and last.endswith(star.suffix)


def _catch_star(star: Star, segments: tuple[str, ...], caught: dict[str, str]) -> bool:
    if not _fits(star, segments):
        return False
    text = "/".join(segments)
    caught[SPLAT] = text[len(star.prefix) : len(text) - len(star.suffix)]
    return True


def parse(path: str, dialect: Dialect, *, folds_case: bool = False) -> Pattern:
    """Returns the pattern of a line's path. Raises PatternError.

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
        count = text.count("*")
        if count > 1:
            raise PatternError("its path has two `*` in one segment")
        if folds_case:
            text = _folded(text)
        if not count:
            runs[-1].append(_segment(text, dialect))
            continue
        prefix, _, suffix = text.partition("*")
        if ":" in text and _NAME.search(text):
            raise PatternError("its path has a `*` and a placeholder in one segment")
        if stars and not stars[-1].plain:
            raise PatternError("its path has a second `*`, but the first is not a whole segment")
        stars.append(Star(prefix, suffix))
        runs.append([])
    if len(stars) > _MOST_STARS:
        raise PatternError(f"its path has {len(stars)} `*`; the limit is two")
    return Pattern(tuple(map(tuple, runs)), tuple(stars), forgiving)


def folded(path: RequestPath) -> RequestPath:
    """Returns the path in lower case, for patterns that ignore case."""
    return RequestPath(tuple(segment.lower() for segment in path.segments))


def _folded(text: str) -> str:
    """Returns the literals in lower case. The names of placeholders stay unchanged."""
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
    # Netlify's names may contain hyphens and be numbers. Inside a segment, it would be unclear where such a name ends.
    if dialect == "netlify" and (whole := _WHOLE_NAME.match(text)):
        return PlaceholderSegment(("", ""), (_checked(whole[1]),))
    parts = _NAME.split(text)
    names, literals = tuple(parts[1::2]), tuple(parts[::2])
    if not names:
        return text
    if any(not literal for literal in literals[1:-1]):
        raise PatternError("two placeholders are adjacent, so the end of the first is undefined")
    return PlaceholderSegment(literals, tuple(map(_checked, names)))


def _checked(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise PatternError(f"a placeholder's name has {len(name)} characters; the limit is {_LONGEST_NAME}")
    return name


def split(text: str, names: Collection[str]) -> tuple[tuple[bool, str], ...]:
    """Splits the text into pieces: (False, literal) and (True, name).

    An unknown name stays literal. If several names match, the longest name is used, so `:idx` is not `:id` followed by
    an x.
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
    """Returns the longest complete name at this place. A name that is followed by a letter is a different name."""
    word = _WORD.match(text, at)
    assert word is not None
    for stop in range(len(word[0]), 0, -1):
        following = text[at + stop : at + stop + 1]
        if not (following.isalnum() or following == "_") and word[0][:stop] in names:
            return word[0][:stop]
    return None
