"""Heads that need not be parsed again: what a browser sends with every request is read once.

The first head of a kind goes through the parser. A later one is known when it has the same bytes from the end of its
request line on, but for the values of Cookie and Referer, at which nothing on the fast path looks, and of
If-None-Match, which is taken as it stands. Only a request line and values that are as plain as can be are passed over:
the parser goes on behind them as it did before, so nothing is ever read in two ways. All else that differs makes a head
an unknown one.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from easel.edge import weights
from easel.edge.fast.plain_request import Asked, Recent

LONGEST: Final = 4096
"""The longest head (bytes) that is looked at."""
_LONGEST_KEPT: Final = 2048
_MOST_KEPT: Final = 1024
_SHORT: Final = 256
"""A head of at most so many bytes is looked for as a whole first: no browser's, but a poller's or a probe's."""

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
    """The last few heads that the fast path has read."""

    __slots__ = ("_behind_lines", "_whole")

    def __init__(self) -> None:
        self._whole: Recent[bytes, Asked] = Recent(_MOST_KEPT, _weigh)
        self._behind_lines: Recent[bytes, _Known] = Recent(_MOST_KEPT, _weigh)

    @property
    def weight(self) -> int:
        """About how many bytes they take in memory."""
        return self._whole.weight + self._behind_lines.weight

    def read(self, data: bytes) -> Asked | None:
        """The request in these bytes, if they are exactly one whose head is known."""
        if len(data) > _SHORT:
            return self._read(data)
        asked = self._whole.get(data)
        if asked is None:
            asked = self._read(data)
            if asked is not None:
                self._whole.keep(data, asked)
        return asked

    def learn(self, data: bytes, asked: Asked) -> None:
        """Has the head be known. The bytes are exactly one request, as the parser has found, which asks for this."""
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
    """What follows a request line, without the values that may differ, and the one that matters of them.

    Their names stay, and so does a value that is not plain, and the quotes of a condition, by which it is known from
    one that is not.
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
