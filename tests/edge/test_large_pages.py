"""Pages of more than a mebibyte: complete, with the runtime object, and never too many in memory."""

from __future__ import annotations

import gzip
import random
import socket
from collections.abc import Callable
from contextlib import ExitStack

import brotli
import pytest

from easel.bundles.models import Member
from easel.edge.make_pages import make_body
from easel.serving.models import Encoding
from testbed.waiting import until
from tests.edge.running import App, RunningEdge, Wire, request

Make = Callable[..., App]


def page(size: int, seed: int = 1) -> str:
    text = random.Random(seed).randbytes(30_000).hex()
    return f"<head></head>{text * (size // len(text) + 1)}"[:size]


def test_a_large_page_is_a_page_like_any_other(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": page(3 << 20)})
    plain = edge.get(made.host)
    assert b"window.__EASEL__" in plain.body
    assert len(plain.body) > 3 << 20
    assert gzip.decompress(edge.get(made.host, Accept_Encoding="gzip").body) == plain.body
    packed = edge.get(made.host, Accept_Encoding="br")
    assert (packed["content-encoding"], brotli.decompress(packed.body)) == ("br", plain.body)
    part = edge.get(made.host, Range="bytes=100-2000099")
    assert (part.status, part.body) == (206, plain.body[100:2_000_100])
    assert edge.get(made.host, If_None_Match=plain["etag"]).status == 304
    head = edge.get(made.host, method="HEAD")
    assert (head["content-length"], head.body) == (str(len(plain.body)), b"")


def test_visitors_of_the_same_large_page_share_it(own_edge: Callable[..., RunningEdge]) -> None:
    edge = own_edge()
    made = edge.app("large", {"index.html": page(7 << 20)})
    alone = len(edge.get(made.host).body)
    with ExitStack() as stack:
        slow = [stack.enter_context(reader(edge)) for _ in range(40)]
        for number, wire in enumerate(slow):
            wire.send(request(made.host, **({"Range": "bytes=1-"} if number % 2 else {})))
            wire.socket.recv(100, socket.MSG_PEEK)
        assert 0 < edge.edge.sites.large.weight < 3 * alone
        assert len(slow[0].reply().body) == alone
        assert len(slow[1].reply().body) == alone - 1
    # The page stays as long as there is space, for later visitors, and is evicted with its version.
    assert edge.edge.sites.large.weight > 0
    made.deploy({"index.html": "two"})
    edge.get(made.host)
    until(lambda: edge.edge.sites.large.weight == 0)


def test_a_large_page_is_not_built_again_for_requests_of_small_parts(
    own_edge: Callable[..., RunningEdge], monkeypatch: pytest.MonkeyPatch
) -> None:
    makings: list[Encoding] = []

    def make(member: Member, view: memoryview, script: bytes, encoding: Encoding) -> bytes:
        makings.append(encoding)
        return make_body(member, view, script, encoding)

    monkeypatch.setattr("easel.edge.sites.make_body", make)
    edge = own_edge()
    made = edge.app("large", {"index.html": page(5 << 20)})
    for _ in range(3):
        head = edge.get(made.host, method="HEAD")
        assert (head.status, "content-encoding" in head.headers) == (200, False)
        assert edge.get(made.host, If_None_Match=head["etag"]).status == 304
        assert edge.get(made.host, Range="bytes=90000000-").status == 416
    assert makings == []
    for n in range(3):
        part = edge.get(made.host, Range=f"bytes={n}-{n}", Accept_Encoding="br")
        assert (part.status, part["content-range"]) == (206, f"bytes {n}-{n}/{head['content-length']}")
        packed = edge.get(made.host, method="HEAD", Accept_Encoding="br")
        assert int(packed["content-length"]) < int(head["content-length"])
    assert makings == ["identity", "br"]
    assert edge.get(made.host, Accept_Encoding="br").headers["content-length"] == packed["content-length"]
    assert makings == ["identity", "br"]


def test_large_pages_beyond_the_limit_are_sent_in_their_stored_form(
    own_edge: Callable[..., RunningEdge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.edge.sites._LARGE_AT_ONCE", 24 << 20)
    edge = own_edge()
    made = edge.app("large", {"index.html": "", **{f"{n}.html": page(7 << 20, n) for n in range(3)}})
    with ExitStack() as stack:
        slow = [stack.enter_context(reader(edge)) for _ in range(3)]
        for n, wire in enumerate(slow):
            wire.send(request(made.host, f"/{n}.html"))
            wire.socket.recv(100, socket.MSG_PEEK)
            assert edge.edge.sites.large.weight <= 24 << 20
        bodies = [wire.reply().body for wire in slow]
    assert b"window.__EASEL__" in bodies[0]
    assert b"window.__EASEL__" not in bodies[-1]
    for n, body in enumerate(bodies):
        assert page(7 << 20, n).encode()[-1000:] == body[-1000:]
    until(lambda: b"window.__EASEL__" in edge.get(made.host, "/2.html").body)


def reader(edge: RunningEdge) -> Wire:
    """Returns a connection that reads little at a time."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plain.settimeout(60)
    plain.connect(("127.0.0.1", edge.port))
    return Wire(plain)
