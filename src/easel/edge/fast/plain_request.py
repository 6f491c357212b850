"""A plain request: the parts of a request's head that the fast path needs. It is cached for equal heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec

from easel.edge import weights
from easel.edge.fast.prepared import Key, code_of
from easel.serving.negotiate import LONGEST_KEPT, acceptable

_HOST, _ENCODING, _CONDITION, _SINCE, _CONNECTION, _FULL_WAY = range(1, 7)
_MATTERS: Final[dict[bytes, int]] = {
    b"host": _HOST,
    b"accept-encoding": _ENCODING,
    b"if-none-match": _CONDITION,
    b"if-modified-since": _SINCE,
    b"connection": _CONNECTION,
    **dict.fromkeys(
        (
            b"range",
            b"if-range",
            b"if-match",
            b"if-unmodified-since",
            b"proxy-connection",
            b"content-length",
            b"transfer-encoding",
            b"expect",
            b"upgrade",
            b"service-worker",
        ),
        _FULL_WAY,
    ),
}
_QUESTION_MARK = ord("?")

V = TypeVar("V")
K = TypeVar("K")


class RecentCache(Generic[K, V]):
    """A cache of recent values by key. It holds at least the `size` values that were added most recently, and at most
    twice as many values. Reading one of the newest values does not renew it, which keeps reading fast."""

    __slots__ = ("_older", "_older_weight", "_size", "_weigh", "newer")

    def __init__(self, size: int, weigh: Callable[[dict[K, V]], int] = len) -> None:
        self._size = size
        self._weigh = weigh
        self.newer: dict[K, V] = {}
        self._older: dict[K, V] = {}
        self._older_weight = 0

    @property
    def weight(self) -> int:
        """Returns the total weight of the values. It is computed on each call, so that adding a value stays cheap."""
        return self._weigh(self.newer) + self._older_weight

    def get(self, key: K) -> V | None:
        """Returns the value under the key. Returns None if it is not cached."""
        value = self.newer.get(key)
        if value is None:
            value = self._older.get(key)
            if value is not None:
                self.keep(key, value)
        return value

    def keep(self, key: K, value: V) -> None:
        """Caches a value under the key."""
        if len(self.newer) >= self._size:
            self._older, self._older_weight = self.newer, self._weigh(self.newer)
            self.newer = {}
        self.newer[key] = value


# The attributes of a Struct are read faster than the attributes of a named tuple.
class PlainRequest(msgspec.Struct, frozen=True, gc=False):
    """A plain GET or HEAD over HTTP/1.1 on a persistent connection: its host, target and known ETag."""

    host: bytes
    key: Key
    condition: bytes | None
    head_only: bool
    has_query: bool = False


def _weigh_codes(codes: dict[bytes | None, int]) -> int:
    return weights.ENCODINGS * len(codes) + 2 * sum(len(encoding) for encoding in codes if encoding is not None)


_codes: RecentCache[bytes | None, int] = RecentCache(512, _weigh_codes)


def codes_weight() -> int:
    """Returns the approximate memory (bytes) of the cache of parsed Accept-Encoding headers."""
    return _codes.weight


def read(url: bytes, headers: list[tuple[bytes, bytes]], *, head_only: bool) -> PlainRequest | None:
    """Reads a GET (or, with `head_only`, a HEAD) from its URL and its parsed headers. Returns None if the request needs
    the slow path."""
    host = encoding = condition = None
    since = False
    for name, value in headers:
        if name in _MATTERS:
            matters = _MATTERS[name]
            if matters == _HOST and host is None:
                host = value
            elif matters == _ENCODING and encoding is None:
                encoding = value
            elif matters == _CONDITION and condition is None:
                condition = value
            elif matters == _SINCE:
                since = True
            elif matters != _CONNECTION or value.lower() != b"keep-alive":
                return None
    # RFC 9110 §13.1.3: If-Modified-Since is ignored if there is an If-None-Match. Browsers send both.
    if host is None or (since and condition is None):
        return None
    code = _codes.newer.get(encoding)
    if code is None:
        code = _code(encoding)
    has_query = _QUESTION_MARK in url
    path = url.partition(b"?")[0] if has_query else url
    return PlainRequest(host, (path, code), condition, head_only, has_query)


def _code(encoding: bytes | None) -> int:
    code = _codes.get(encoding)
    if code is not None:
        return code
    code = code_of(acceptable(encoding.decode("latin-1") if encoding is not None else None))
    if encoding is None or len(encoding) <= LONGEST_KEPT:
        _codes.keep(encoding, code)
    return code
