"""A known head is read exactly as the parser would read it, or is not read as known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.server import ServerState

from easel.edge.fast.known_heads import LONGEST, KnownHeads
from easel.edge.fast.plain_request import PlainRequest
from easel.edge.fast.prepared import PreparedAnswer
from easel.edge.fast.protocol import EdgeProtocol
from easel.edge.recorder import Tally

READY = PreparedAnswer(b"", b"", b"", None, b"", 0, Tally())
CHROME = (
    b"GET /assets/app-3f9a1c2b.js HTTP/1.1\r\n"
    b"Host: shop.localhost:8080\r\n"
    b"Connection: keep-alive\r\n"
    b'sec-ch-ua-platform: "Linux"\r\n'
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0\r\n"
    b"Accept: */*\r\n"
    b"Sec-Fetch-Dest: script\r\n"
    b"Referer: http://shop.localhost:8080/\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Cookie: session=1; theme=dark\r\n"
    b'If-None-Match: "0123456789abcdef"\r\n'
    b"If-Modified-Since: Fri, 27 Nov 2026 20:09:15 GMT\r\n\r\n"
)


class Transport(asyncio.Transport):
    """A connected client that reads no responses."""

    def write(self, data: object) -> None:
        pass

    def write_eof(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Reading(EdgeProtocol):
    """The edge's protocol, in front of a site with a prepared answer to every plain request."""

    def __init__(self, config: Config, loop: asyncio.AbstractEventLoop, known: KnownHeads) -> None:
        super().__init__(config, ServerState(), {}, loop)
        self.known, self.hosts = known, {}
        self.transport = Transport()
        self.flow = asyncio.Future(loop=loop)  # type: ignore[assignment]
        self.flow.write_paused = False
        self.flow.pause_reading = lambda: None  # type: ignore[method-assign]
        self.read: list[object] = []

    def _find(self, asked: PlainRequest) -> PreparedAnswer:
        return READY

    def _answer(self, asked: PlainRequest, ready: PreparedAnswer) -> None:
        self.read.append(asked)

    def _refuse(self, status: int, message: str) -> None:
        self.read.append(status)
        self.at_border = False

    def _start_asgi_task(self, cycle: Any, app: object) -> None:
        self.read.append("the full way")
        cycle.response_complete = True


Parse = Callable[[bytes, KnownHeads], list[object]]


@pytest.fixture(scope="module")
def parse() -> Iterator[Parse]:
    """Yields a function that parses bytes on a new connection, which arrive at once. The function remembers the
    request."""
    loop = asyncio.new_event_loop()
    config = Config(lambda: None, ws="none", lifespan="off", log_config=None)
    config.load()

    def parsed(data: bytes, known: KnownHeads) -> list[object]:
        protocol = Reading(config, loop, known)
        protocol.data_received(data)
        return protocol.read

    yield parsed
    loop.close()


def agrees(parse: Parse, known: KnownHeads, data: bytes) -> bool:
    """Returns true if the head is known, on a new connection and on a connection whose last head was similar. Compares
    each known result with the parser's result."""
    asked = known.read(data)
    later = [one.read(data) for one in known.heads]
    for read in filter(None, (asked, *later)):
        assert parse(data, KnownHeads()) == [read], data
    assert (asked is None) == (not any(later)), data
    return asked is not None


def taught(parse: Parse, *heads: bytes) -> KnownHeads:
    known = KnownHeads()
    for head in heads:
        parse(head, known)
    return known


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/assets/app-3f9a1c2b.js", b"/other.css?v=1"),
        (b"GET", b"HEAD"),
        (b"session=1", b'session=2; a="b"'),
        (b"8080/\r\n", b"8080/shop?page=2\r\n"),
        (b"0123456789abcdef", b"fedcba"),
    ],
)
def test_a_browser_is_recognised_by_its_constant_headers(parse: Parse, old: bytes, new: bytes) -> None:
    known = taught(parse, CHROME)
    assert agrees(parse, known, CHROME)
    assert agrees(parse, known, CHROME.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"shop.", b"other."),
        (b"gzip, deflate", b"identity, deflate"),
        (b"GET", b"POST"),
        (b"GET /", b"GET  /"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"\r\n\r\n", b"\r\nRange: bytes=0-1\r\n\r\n"),
        (b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\nx"),
        (b"\r\n\r\n", b"\r\nHost: other.localhost\r\n\r\n"),
        (b"\r\n\r\n", b"\r\n\r\nGET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n"),
        (b"\r\n\r\n", b"\r\n"),
        (b"session=1", b"session=1\r\nTransfer-Encoding: chunked"),
        (b"session=1", b"session=1\nTransfer-Encoding: chunked"),
        (b"session=1", b"session=1\r\n folded"),
        (b"session=1", b"session=\xc3\xa9"),
        (b"session=1", b"session=" + b"1" * LONGEST),
        (b'"0123456789abcdef"', b""),
        (b'"0123456789abcdef"', b'W/"0123456789abcdef"'),
        (b'"0123456789abcdef"', b'"0123456789abcdef", "b"'),
        (b"If-None-Match: ", b'If-None-Match: "a"\r\nIf-None-Match: '),
        (b"Sec-Fetch-Dest: script", b"Sec-Fetch-Dest: style"),
    ],
)
def test_a_head_with_another_difference_is_parsed(parse: Parse, old: bytes, new: bytes) -> None:
    known = taught(parse, CHROME)
    assert not agrees(parse, known, CHROME.replace(old, new))


def test_the_first_of_two_conditions_counts(parse: Parse) -> None:
    twice = CHROME.replace(b"If-None-Match: ", b'If-None-Match: "a"\r\nIf-None-Match: ')
    assert not agrees(parse, taught(parse, twice), twice.replace(b"0123456789abcdef", b"fedcba"))


def test_only_a_single_plain_request_makes_a_head_known(parse: Parse) -> None:
    for end in (
        b"\r\nRange: bytes=0-1\r\n\r\n",
        b"\r\nContent-Length: 1\r\n\r\nx",
        b"\r\nConnection: close\r\n\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n",
        b"\r\n",
    ):
        head = CHROME.replace(b"\r\n\r\n", end)
        assert not agrees(parse, taught(parse, head), head)


@pytest.mark.parametrize(
    "place", [b"/assets/app", b"session=", b"8080/\r", b"0123456789", b"/140", b"Host", b"\r\n\r\n"]
)
def test_a_changed_byte_never_makes_cache_and_parser_read_a_head_differently(parse: Parse, place: bytes) -> None:
    known = taught(parse, CHROME)
    at = CHROME.index(place) + len(place) - 1
    for byte in range(256):
        agrees(parse, known, CHROME[:at] + bytes([byte]) + CHROME[at:])
        agrees(parse, known, CHROME[:at] + bytes([byte]) + CHROME[at + 1 :])


PLAIN = st.sampled_from([line + b"\r\n" for line in CHROME.split(b"\r\n")[2:-2]])
LINES = st.sampled_from(
    [
        b"cookie: a=b\r\n",
        b"Cookie: \r\n",
        b"Cookie:\r\n",
        b"Referer: x\r\n",
        b' folded: "a"\r\n',
        b'If-None-Match: ""\r\n',
        b'If-None-Match: "\r\n',
        b"If-None-Match: \r\n",
        b"If-None-Match: *\r\n",
        b'if-none-match: "a"\r\n',
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\n",
        b"\r\n",
        b"X: Cookie: \r\n",
    ]
)
STARTS = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"HEAD /a?b HTTP/1.1\r\n",
        b"GET /#a HTTP/1.1\r\n",
        b"GET * HTTP/1.1\r\n",
        b"GET /a?b#c HTTP/1.1\r\n",
    ]
)
HEADS = st.builds(
    lambda start, lines, end: start + b"Host: shop.localhost\r\n" + b"".join(lines) + end,
    STARTS,
    st.lists(st.one_of(PLAIN, PLAIN, PLAIN, LINES), max_size=6),
    st.sampled_from([b"\r\n", b"\r\n", b"\r\n\r\n"]),
)


@st.composite
def likes(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Returns a head, and a similar head."""
    head = draw(HEADS)
    start = draw(STARTS)
    other = start + head[head.index(b"\r\n") + 2 :]
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(other)))
        new = draw(st.one_of(LINES, st.binary(max_size=2), st.sampled_from([b'"', b" ", b"\t", b"\r", b"=", b'"x"'])))
        other = other[:at] + new + other[draw(st.integers(at, min(len(other), at + 4))) :]
    return head, other


@settings(max_examples=400, deadline=None)
@given(likes())
def test_known_heads_are_read_like_parsed_heads(parse: Parse, both: tuple[bytes, bytes]) -> None:
    head, other = both
    known = taught(parse, head)
    agrees(parse, known, other)
    agrees(parse, taught(parse, head, other), head)
