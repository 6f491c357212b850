"""The parts of a request that the fast path reads and remembers."""

from __future__ import annotations

import pytest

from easel.connections.heads import VISITORS
from easel.edge.fast.plain_request import _MATTERS, RecentCache, read

HOST = (b"host", b"shop.localhost")


def test_plain_requests_differ_by_host_path_encodings_and_condition() -> None:
    asked = read(b"/app.js?v=1", [HOST, (b"cookie", b"x"), (b"if-none-match", b'"a"')], head_only=False)
    assert asked is not None
    assert (asked.host, asked.key[0], asked.condition, asked.head_only) == (
        b"shop.localhost",
        b"/app.js",
        b'"a"',
        False,
    )
    codes = set()
    for accepted in (b"gzip", b"br, gzip", b"", b"gzip;q=0"):
        other = read(b"/app.js", [HOST, (b"accept-encoding", accepted)], head_only=False)
        assert other is not None
        codes.add(other.key[1])
    assert len(codes) == 3


@pytest.mark.parametrize(
    "header",
    [
        (b"range", b"bytes=0-1"),
        (b"if-modified-since", b"x"),
        (b"content-length", b"0"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"connection", b"keep-alive, upgrade"),
        (b"proxy-connection", b"close"),
        (b"upgrade", b"h2c"),
        (b"expect", b"100-continue"),
        (b"host", b"other.localhost"),
    ],
)
def test_an_unusual_request_takes_the_slow_path(header: tuple[bytes, bytes]) -> None:
    assert read(b"/", [HOST, header], head_only=False) is None
    assert read(b"/", [header, HOST], head_only=False) is None


def test_headers_that_lead_to_the_slow_path_are_read() -> None:
    """The fast path never sees a header that the connection drops."""
    assert _MATTERS.keys() <= VISITORS.keys()


def test_a_request_without_a_host_takes_the_slow_path() -> None:
    assert read(b"/", [(b"accept", b"*/*")], head_only=False) is None


def test_only_recent_requests_are_cached_and_repeated_ones_stay() -> None:
    recent = RecentCache[int, str](10)
    recent.keep(0, "often")
    for number in range(1, 1000):
        recent.keep(number, "once")
        if number % 5 == 0:
            assert recent.get(0) == "often"
    assert recent.get(1) is None
    assert sum(recent.get(number) is not None for number in range(1, 1000)) <= 20
