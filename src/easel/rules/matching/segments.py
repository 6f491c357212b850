"""Segments of a path pattern that are not plain text: placeholders, and wildcards with text or placeholders next to
them.

Each segment is matched in one pass. No part is tried twice, whatever the path is.
"""

from __future__ import annotations

from dataclasses import dataclass

SPLAT = "splat"


@dataclass(frozen=True, slots=True)
class PlaceholderSegment:
    """A segment of a path pattern with placeholders (`names`) between plain texts (`literals`). It begins and ends with
    a literal, which may be empty."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Returns true if the segment consists of one placeholder and nothing else."""
        return self.literals == ("", "")

    def catch(self, segment: str, caught: dict[str, str]) -> bool:
        """Matches a segment of a path, and adds the string of each placeholder to `caught`. Returns false if it does
        not match. Each placeholder captures at least one character. The first placeholder captures as many characters
        as possible. If two segments contain placeholders with the same name, the first one counts, as on Netlify."""
        first, last = self.literals[0], self.literals[-1]
        if len(segment) < len(first) + len(last) or not segment.startswith(first) or not segment.endswith(last):
            return False
        stop = len(segment) - len(last)
        # The loop begins at the last placeholder and gives it as few characters as possible, so that earlier
        # placeholders get most of them.
        for index in range(len(self.names) - 1, 0, -1):
            literal = self.literals[index]
            at = segment.rfind(literal, len(first) + 1, stop - 1)
            if at < 0:
                return False
            if not _take(caught, self.names[index], segment[at + len(literal) : stop]):
                return False
            stop = at
        return _take(caught, self.names[0], segment[len(first) : stop])

    def catch_start(self, text: str, caught: dict[str, str]) -> int:
        """Matches as many characters as possible at the start of `text`, and adds the strings of the placeholders to
        `caught`. Returns the number of matched characters, or -1 if the text does not match."""
        last = self.literals[-1]
        at = text.rfind(last)
        end = at + len(last)
        return end if at >= 0 and self.catch(text[:end], caught) else -1

    def catch_end(self, text: str, caught: dict[str, str]) -> int:
        """Matches as few characters as possible at the end of `text`, and adds the strings of the placeholders to
        `caught`. Returns the number of characters before the match, or -1 if the text does not match."""
        if not text.endswith(self.literals[-1]):
            return -1
        stop = len(text) - len(self.literals[-1])
        for literal, name in zip(self.literals[-2::-1], self.names[::-1], strict=True):
            at = text.rfind(literal, 0, max(stop - 1, 0))
            if at < 0 or not _take(caught, name, text[at + len(literal) : stop]):
                return -1
            stop = at
        return stop


def _take(caught: dict[str, str], name: str, text: str) -> bool:
    caught.setdefault(name, text)
    return bool(text)


Segment = str | PlaceholderSegment


@dataclass(frozen=True, slots=True)
class Star:
    """A wildcard (`*`) in a path pattern, with the text or the placeholders before and after it in its segment."""

    prefix: Segment = ""
    suffix: Segment = ""

    @property
    def plain(self) -> bool:
        """Returns true if the wildcard (`*`) is the whole segment."""
        return not self.prefix and not self.suffix

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the names of the placeholders that are in the same segment as the wildcard."""
        return tuple(
            name for side in (self.prefix, self.suffix) if isinstance(side, PlaceholderSegment) for name in side.names
        )

    def fits(self, segments: tuple[str, ...], start: int = 0) -> bool:
        """Returns true if the segments from the index `start` on match the wildcard. The text before it must be in the
        first of them, and the text after it in the last. A wildcard with placeholders next to it never fits, because
        only `catch` matches such a wildcard."""
        if start >= len(segments):
            return self.plain
        first, last = segments[start], segments[-1]
        if not isinstance(self.prefix, str) or not isinstance(self.suffix, str):
            return False
        is_long = start < len(segments) - 1 or len(first) >= len(self.prefix) + len(self.suffix)
        return is_long and first.startswith(self.prefix) and last.endswith(self.suffix)

    def catch(self, segments: tuple[str, ...], caught: dict[str, str]) -> bool:
        """Matches segments of a path. Adds the strings of the wildcard and of the placeholders next to it to `caught`.
        Returns true if the segments match."""
        ends = self._ends(segments, caught)
        if ends is None:
            return False
        text = "/".join(segments)
        caught[SPLAT] = text[ends[0] : len(text) - ends[1]]
        return True

    def _ends(self, segments: tuple[str, ...], caught: dict[str, str]) -> tuple[int, int] | None:
        """Returns the number of characters before the string that the wildcard captures, and the number of characters
        after it. Returns None if the segments do not match."""
        if not segments:
            return (0, 0) if self.plain else None
        first, last = segments[0], segments[-1]
        behind = _end(self.suffix, last, caught)
        if behind < 0:
            return None
        before = _start(self.prefix, first[: len(first) - behind] if len(segments) == 1 else first, caught)
        return None if before < 0 else (before, behind)


def _start(prefix: Segment, text: str, caught: dict[str, str]) -> int:
    if isinstance(prefix, str):
        return len(prefix) if text.startswith(prefix) else -1
    return prefix.catch_start(text, caught)


def _end(suffix: Segment, text: str, caught: dict[str, str]) -> int:
    if isinstance(suffix, str):
        return len(suffix) if text.endswith(suffix) else -1
    before = suffix.catch_end(text, caught)
    return -1 if before < 0 else len(text) - before
