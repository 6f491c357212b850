"""Known heads: a browser repeats its headers in every request, so they are parsed only once.

The parser reads the first head of a kind. A later head is known if its bytes after the request line are equal, except
for the values of Cookie and Referer, which the fast path ignores, and of If-None-Match, which is compared as sent.

Only plain request lines and values are skipped, and the parser continues after them as usual, so no request is ever
read in two ways. A head with any other difference is unknown.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from easel.edge import weights
from easel.edge.fast.plain_request import Asked, Recent

LONGEST: Final = 4096
"""Heads up to this length (bytes) can be known."""
_LONGEST_KEPT: Final = 2048
_MOST_KEPT: Final = 1024
_SHORT: Final = 256
"""Heads up to this length (bytes) are first compared as a whole. Pollers and probes send such heads; browsers send
longer ones."""

_COOKIE: Final = b"\r\nCookie: "
_REFERER: Final = b"\r\nReferer: "
_CONDITION: Final = b"\r\nIf-None-Match: "
_REQUEST_LINE = re.compile(rb"(?:GET|HEAD) (/[!-\"$->@-~]*+)(?:\?[!-\"$-~]*+)? HTTP/1\.1(?=\r\n)")
_TEXT = re.compile(rb"[ -~]*+(?=\r\n)")
_TAG = re.compile(rb'"[!#-~]*+"(?=\r\n)')
_H = ord("H")
_QUESTION_MARK = ord("?")


class _Known(NamedTuple):
    host: bytes
    code: int
    condition: bytes | None


class KnownHeads:
    """The most recent heads of requests on the fast path."""

    __slots__ = ("_behind_lines", "_whole")

    def __init__(self) -> None:
        self._whole: Recent[bytes, Asked] = Recent(_MOST_KEPT, _weigh)
        self._behind_lines: Recent[bytes, _Known] = Recent(_MOST_KEPT, _weigh)

    @property
    def weight(self) -> int:
        """Approximate memory in bytes."""
        return self._whole.weight + self._behind_lines.weight

    def read(self, data: bytes) -> Asked | None:
        """The request in these bytes, if they are exactly one request with a known head."""
        if len(data) > _SHORT:
            return self._read(data)
        asked = self._whole.get(data)
        if asked is None:
            asked = self._read(data)
            if asked is not None:
                self._whole.keep(data, asked)
        return asked

    def learn(self, data: bytes, asked: Asked) -> None:
        """Makes the head of `asked` known. The parser has found exactly one request in the bytes."""
        line = _REQUEST_LINE.match(data) if len(data) <= LONGEST else None
        if line is not None:
            rest, condition = _without_values(data[line.end() :])
            if len(rest) <= _LONGEST_KEPT:
                stated = None if condition is not None else asked.condition
                self._behind_lines.keep(rest, _Known(asked.host, asked.key[1], stated))

    def _read(self, data: bytes) -> Asked | None:
        line = _REQUEST_LINE.match(data) if len(data) <= LONGEST else None
        if line is None:
            return None
        rest, condition = _without_values(data[line.end() :])
        known = self._behind_lines.get(rest)
        if known is None:
            return None
        host, code, stated = known
        has_query = data[line.end(1)] == _QUESTION_MARK
        return Asked(host, (line[1], code), stated if condition is None else condition, data[0] == _H, has_query)


def _without_values(rest: bytes) -> tuple[bytes, bytes | None]:
    """The bytes after the request line without the variable values, and the value of the condition.

    The names of the headers stay. A value that is not plain stays as well, and so do a condition's quotes, which
    distinguish it from a malformed one.
    """
    at = rest.rfind(_COOKIE)
    if at >= 0 and (text := _TEXT.match(rest, at + len(_COOKIE))):
        rest = rest[: text.start()] + rest[text.end() :]
    at = rest.rfind(_REFERER)
    if at >= 0 and (text := _TEXT.match(rest, at + len(_REFERER))):
        rest = rest[: text.start()] + rest[text.end() :]
    at = rest.rfind(_CONDITION)
    if at >= 0 and (tag := _TAG.match(rest, at + len(_CONDITION))):
        return rest[: tag.start() + 1] + rest[tag.end() - 1 :], tag[0]
    return rest, None


def _weigh(known: dict[bytes, Asked] | dict[bytes, _Known]) -> int:
    return weights.REMEMBERED * len(known) + sum(map(len, known))
