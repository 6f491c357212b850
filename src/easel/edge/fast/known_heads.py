"""Known heads: a browser repeats its headers in every request, so they are parsed only once.

The parser reads the first head (request line and headers) of a kind. A later head is known if its bytes after the
request line are equal. Only three values may differ: Cookie and Referer, which the fast path ignores, and
If-None-Match, which is compared as sent. Only plain request lines and values are skipped, and the parser continues
after them as usual. Therefore no request is ever read in two ways. A head with any other difference is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from easel.edge import weights
from easel.edge.fast.plain_request import PlainRequest, RecentCache

LONGEST: Final = 4096
"""Maximum length in bytes of a known head."""
_LONGEST_KEPT: Final = 2048
_MOST_KEPT: Final = 1024
_SHORT: Final = 256
"""Maximum length in bytes of a short head, as pollers and probes send it. Short heads are looked up as a whole.
Browsers send longer heads."""

_REQUEST_LINE = re.compile(rb"(?:GET|HEAD) (/[!-\"$->@-~]*+)(?:\?[!-\"$-~]*+)? HTTP/1\.1(?=\r\n)")
_TEXT = re.compile(rb"[ -~]*+(?=\r\n)")
_TAG = re.compile(rb'"[!#-~]*+"(?=\r\n)')
_MAY_DIFFER: Final = ((b"\r\nCookie: ", _TEXT), (b"\r\nReferer: ", _TEXT), (b"\r\nIf-None-Match: ", _TAG))
_H = ord("H")
_QUESTION_MARK = ord("?")

Between = tuple[bytes, ...]


class KnownHead:
    """A request head that was parsed once. Another head is similar if it differs only in its request line and in its
    variable values (Cookie, Referer, If-None-Match)."""

    __slots__ = ("_behind", "_code", "_condition", "_host", "_values")

    def __init__(self, between: Between, values: list[re.Match[bytes]], asked: PlainRequest) -> None:
        """Stores the parts of a head after its request line: the bytes before, between and after the variable values,
        and these values. `asked` is the request that the parser has read from the head."""
        has_tag = any(value.re is _TAG for value in values)
        self._host, self._code = asked.host, asked.key[1]
        self._condition = None if has_tag else asked.condition
        self._behind = between[-1]
        self._values = [(before, value.re) for before, value in zip(between, values, strict=False)]

    def read(self, data: bytes) -> PlainRequest | None:
        """Returns the request in `data` if these bytes are exactly one request with a similar head. Returns None
        otherwise."""
        line = _REQUEST_LINE.match(data) if len(data) <= LONGEST else None
        if line is None:
            return None
        at = line.end()
        condition = self._condition
        for before, form in self._values:
            value = form.match(data, at + len(before)) if data.startswith(before, at) else None
            if value is None:
                return None
            at = value.end()
            if form is _TAG:
                condition = value[0]
        if len(data) - at != len(self._behind) or not data.endswith(self._behind):
            return None
        has_query = data[line.end(1)] == _QUESTION_MARK
        return PlainRequest(self._host, (line[1], self._code), condition, data[0] == _H, has_query)


class KnownHeads:
    """The heads that the parser has read most recently for the fast path. Equal or similar heads need no parsing."""

    __slots__ = ("_behind_lines", "found", "whole")

    def __init__(self) -> None:
        self.whole: RecentCache[bytes, PlainRequest] = RecentCache(_MOST_KEPT, _weigh)
        """The requests of recent short heads, by the bytes of the head."""
        self._behind_lines: RecentCache[Between, KnownHead] = RecentCache(_MOST_KEPT, _weigh_between)
        self.found: KnownHead | None = None
        """The known head of the last request, or None if the last head was short or unknown. The next request of the
        same connection probably has a similar head."""

    @property
    def heads(self) -> Iterable[KnownHead]:
        """Returns the known heads that were added or used most recently."""
        return self._behind_lines.newer.values()

    @property
    def weight(self) -> int:
        """Returns the approximate memory of the known heads in bytes."""
        return self.whole.weight + self._behind_lines.weight

    def read(self, data: bytes) -> PlainRequest | None:
        """Returns the request in `data` if these bytes are exactly one request with a known head. Returns None
        otherwise."""
        self.found = None
        if len(data) > _SHORT:
            return self._read(data)
        asked = self.whole.get(data)
        if asked is None:
            asked = self._read(data)
            # If the same short head comes again, it is looked up as a whole. That takes half as long as comparing it
            # with a known head.
            self.found = None
            if asked is not None:
                self.whole.keep(data, asked)
        return asked

    def learn(self, data: bytes, asked: PlainRequest) -> None:
        """Makes the head in `data` known. The parser has found in these bytes exactly one request, `asked`."""
        line = _REQUEST_LINE.match(data) if len(data) <= LONGEST else None
        if line is not None:
            between, values = _split_head(data, line.end())
            # If there are two If-None-Match headers, the parser uses the first. A known head would let only the last
            # one vary.
            is_single = data.lower().count(b"if-none-match") < 2
            if is_single and sum(map(len, between)) <= _LONGEST_KEPT:
                self._behind_lines.keep(between, KnownHead(between, values, asked))

    def _read(self, data: bytes) -> PlainRequest | None:
        line = _REQUEST_LINE.match(data) if len(data) <= LONGEST else None
        if line is None:
            return None
        self.found = self._behind_lines.get(_split_head(data, line.end())[0])
        return None if self.found is None else self.found.read(data)


def _split_head(data: bytes, start: int) -> tuple[Between, list[re.Match[bytes]]]:
    """Splits a request's head after its request line, which ends at `start`. Returns the bytes before, between and
    after the variable values, and the matches of these values in order. A value in a form that `_MAY_DIFFER` does not
    allow counts as fixed."""
    values = []
    for name, form in _MAY_DIFFER:
        at = data.rfind(name, start)
        value = form.match(data, at + len(name)) if at >= 0 else None
        if value is not None:
            values.append(value)
    values.sort(key=re.Match.start)
    between = []
    for value in values:
        between.append(data[start : value.start()])
        start = value.end()
    return (*between, data[start:]), values


def _weigh(known: dict[bytes, PlainRequest]) -> int:
    return weights.REMEMBERED * len(known) + sum(map(len, known))


def _weigh_between(known: dict[Between, KnownHead]) -> int:
    return 2 * weights.REMEMBERED * len(known) + sum(len(part) for between in known for part in between)
