"""Files that are sent from their mappings, completely and in order, to clients of every speed."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
import zstandard

from easel.bundles.inflate import CHUNK
from easel.bundles.models import ZSTANDARD, Member
from easel.edge.cache.content import pieces
from easel.edge.fast.prepared import PREPARED_LARGEST
from easel.files import Mapping, map_bytes, map_open
from easel.serving.models import BundleSlice
from testbed.waiting import until
from tests.edge.running import App, RunningEdge, request, unread
from tests.serving.building import Place

Make = Callable[..., App]
TEXT = "".join(f"export const v{n} = '{hashlib.sha256(str(n).encode()).hexdigest()}';\n" for n in range(10_000))
"""A script of 0.9 MB whose brotli form is long too."""
NOISE = random.Random(5).randbytes(3_000_001)


def test_the_stored_variants_of_a_long_file_are_sent_on_the_fast_path(edge: RunningEdge, app: Make) -> None:
    made = app()
    made.deploy({"index.html": "home", "app.js": TEXT}, brotli=True)
    first = edge.get(made.host, "/app.js", Accept_Encoding="br")
    before = edge.fast()
    with edge.connect() as wire:
        answers = [wire.ask(made.host, "/app.js", Accept_Encoding="br") for _ in range(3)]
        assert wire.ask(made.host, "/app.js", "HEAD", Accept_Encoding="br").headers.keys() == first.headers.keys()
        unchanged = wire.ask(made.host, "/app.js", Accept_Encoding="br", If_None_Match=first["etag"])
    assert edge.fast() - before == 5
    assert unchanged.status == 304
    for answer in (first, *answers):
        assert (answer["content-encoding"], answer["etag"]) == ("br", first["etag"])
        assert brotli.decompress(answer.body) == TEXT.encode()


@pytest.mark.parametrize("stored", [True, False])
def test_the_shortest_long_file_arrives_whole(edge: RunningEdge, app: Make, stored: bool) -> None:
    made = app()
    made.deploy({"index.html": "home", "noise.bin": NOISE[: PREPARED_LARGEST + 1]}, stored=stored)
    edge.get(made.host, "/noise.bin")
    before = edge.fast()
    with edge.connect() as wire:
        answers = [wire.ask(made.host, "/noise.bin") for _ in range(3)]
    assert edge.fast() - before == 3
    assert [answer.body for answer in answers] == 3 * [NOISE[: PREPARED_LARGEST + 1]]


@pytest.mark.parametrize("stored", [True, False])
def test_a_slow_reader_gets_the_whole_response_and_the_next_response(
    edge: RunningEdge, app: Make, stored: bool
) -> None:
    made = app()
    made.deploy({"index.html": "home", "noise.bin": NOISE, "small.txt": "small"}, stored=stored)
    for path in ("/noise.bin", "/small.txt"):
        edge.get(made.host, path)
    before = edge.fast()
    with unread(edge) as wire:
        wire.send(request(made.host, "/noise.bin") + request(made.host, "/small.txt"))
        until(lambda: edge.fast() > before)
        assert wire.reply().body == NOISE
        assert wire.reply().body == b"small"
        assert wire.ask(made.host, "/noise.bin", Range="bytes=2999990-").body == NOISE[2_999_990:]


def test_an_inflated_file_counts_against_the_budget_while_it_is_sent(own_edge: Callable[..., RunningEdge]) -> None:
    edge = own_edge()
    made = edge.app("inflated", {"index.html": "home", "app.js": 3 * TEXT})
    edge.get(made.host, "/app.js")
    inflated = edge.edge.content.inflated
    before = edge.fast()
    with unread(edge) as wire:
        wire.send(request(made.host, "/app.js"))
        until(lambda: edge.fast() > before)
        edge.call(inflated.evict_one)
        assert inflated.weight >= 3 * len(TEXT)
        assert wire.reply().body == 3 * TEXT.encode()
    until(lambda: inflated.weight < 3 * len(TEXT))
    before = edge.fast()
    assert edge.get(made.host, "/app.js").body == 3 * TEXT.encode()
    assert edge.fast() == before
    assert edge.get(made.host, "/app.js").body == 3 * TEXT.encode()
    assert edge.fast() == before + 1


def test_a_file_that_has_become_shorter_ends_the_connection_and_nothing_else(edge: RunningEdge, app: Make) -> None:
    made, other = app(), app({"index.html": "other"})
    made.deploy({"index.html": "home", "noise.bin": NOISE}, stored=True)
    edge.get(made.host, "/noise.bin")
    [bundle] = [path for path in (edge.settings.data_dir / "objects").rglob(f"*{made.id}*/**/*") if _is_long(path)]
    os.truncate(bundle, 1_000_000)
    with edge.connect() as wire:
        wire.send(request(made.host, "/noise.bin"))
        assert 0 < len(wire.rest()) < len(NOISE)
    assert edge.get(other.host).status == 200


def _is_long(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > len(NOISE)


@pytest.mark.parametrize("place", ["a file", "a folder", "memory", "memory, for lack of a folder"])
def test_a_mapped_file_is_closed_once_nobody_uses_it(tmp_path: Path, place: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    folder = {"a folder": tmp_path, "memory, for lack of a folder": tmp_path / "none"}.get(place)
    part = (map_open(file) if place == "a file" else map_bytes(b"content", folder))[3:]
    assert os.listdir(tmp_path) == ["file"]
    assert isinstance(part.obj, Mapping)
    descriptor = part.obj.descriptor
    assert descriptor is not None
    assert os.pread(descriptor, 4, 3) == bytes(part) == b"tent"
    del part
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_range_far_into_a_zstandard_member_is_unpacked_piece_by_piece() -> None:
    content = random.Random(6).randbytes(1 << 20) * 8
    packed = zstandard.compress(content)
    member = Member("", len(content), "text/csv", 0, 0, len(packed), ZSTANDARD, 0)
    start = len(content) - 100
    site = Place({"index.html": b""}).site()
    made = list(pieces(BundleSlice(member, site, "identity", start, len(content)), memoryview(packed)))
    assert b"".join(made) == content[start:]
    # Other tasks run after each piece. The pieces before the range are empty.
    assert len(made) >= len(content) // CHUNK
