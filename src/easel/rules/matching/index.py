"""An index of path patterns. A look-up takes as many steps as the path has segments, independent of the number of
patterns."""

from __future__ import annotations

from collections.abc import Sequence

from easel.rules.matching.paths import RequestPath
from easel.rules.matching.pattern import Pattern
from easel.rules.matching.segments import PlaceholderSegment

QueryPairs = Sequence[tuple[str, str]]

MOST_AT_ONCE = 200
"""Maximum number of partial matches of a path that are followed at the same time. Any more are ignored."""


class _Ends:
    """The numbers of the patterns that end at one node of the index. Patterns that require a query value are indexed by
    this value."""

    __slots__ = ("by_query", "plain")

    def __init__(self) -> None:
        self.plain: list[int] = []
        self.by_query: dict[tuple[str, str], list[int]] = {}

    def add(self, number: int, query: QueryPairs) -> None:
        value = next(((name, value) for name, value in query if value and not value.startswith(":")), None)
        (self.plain if value is None else self.by_query.setdefault(value, [])).append(number)

    def into(self, found: list[int], query: QueryPairs | None) -> None:
        found.extend(self.plain)
        if query is None:
            found.extend(number for numbers in self.by_query.values() for number in numbers)
        elif self.by_query:
            for pair in set(query):
                found.extend(self.by_query.get(pair, ()))


class _Node:
    __slots__ = ("ends", "literal", "odd", "stars", "whole")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.whole: _Node | None = None
        self.odd: list[tuple[PlaceholderSegment, _Node]] = []
        self.ends: _Ends | None = None
        self.stars: _Ends | None = None


class Index:
    """An index of path patterns, each with a number. `find` returns the numbers of candidates for a path. The caller
    must match each candidate with the path."""

    def __init__(self, *, forgiving: bool) -> None:
        self._forgiving = forgiving
        self._exact: dict[tuple[str, ...], _Ends] = {}
        self._root = _Node()
        self._deep = False

    def add(self, number: int, pattern: Pattern, query: QueryPairs = ()) -> None:
        """Adds a pattern with its number. `query` are the query parameters that it requires. Numbers must increase from
        call to call."""
        head = pattern.runs[0]
        if pattern.literal:
            key = tuple(segment for segment in head if isinstance(segment, str))
            self._exact.setdefault(key, _Ends()).add(number, query)
            return
        self._deep = True
        node = self._root
        for segment in head:
            node = _below(node, segment)
        if pattern.stars:
            node.stars = node.stars or _Ends()
            node.stars.add(number, query)
        else:
            node.ends = node.ends or _Ends()
            node.ends.add(number, query)

    def find(self, path: RequestPath, query: QueryPairs | None = ()) -> list[int]:
        """Returns the numbers of all candidates for a path, in increasing order. `query` are the query parameters of
        the request. If it is None, the query does not matter."""
        segments = path.bare if self._forgiving else path.segments
        found: list[int] = []
        exact = self._exact.get(segments)
        if exact is not None:
            exact.into(found, query)
        if self._deep:
            self._walk(segments, found, query)
        found.sort()
        return found

    def _walk(self, segments: tuple[str, ...], found: list[int], query: QueryPairs | None) -> None:
        active = [self._root]
        for segment in segments:
            following: list[_Node] = []
            for node in active:
                if node.stars is not None:
                    node.stars.into(found, query)
                if (below := node.literal.get(segment)) is not None:
                    following.append(below)
                if node.whole is not None and segment:
                    following.append(node.whole)
                following.extend(below for holes, below in node.odd if holes.catch(segment, {}))
            active = following[:MOST_AT_ONCE]
            if not active:
                return
        for node in active:
            if node.ends is not None:
                node.ends.into(found, query)
            if node.stars is not None and self._forgiving:
                node.stars.into(found, query)


def _below(node: _Node, segment: str | PlaceholderSegment) -> _Node:
    if isinstance(segment, str):
        return node.literal.setdefault(segment, _Node())
    if segment.whole:
        node.whole = node.whole or _Node()
        return node.whole
    for holes, below in node.odd:
        if holes.literals == segment.literals:
            return below
    node.odd.append((segment, _Node()))
    return node.odd[-1][1]
