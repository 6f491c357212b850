"""In which encoding files go over the wire."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
import zstandard

from easel.bundles.models import ZSTANDARD
from tests.bundles.crafted import File, craft
from tests.edge.running import App, RunningEdge

Make = Callable[..., App]
PAGE = b"<!doctype html><html><head><title>Shop</title></head><body>" + b"hello " * 100 + b"</body></html>"
SCRIPT = b"export const answer = 42;\n" * 300


def test_a_small_text_is_sent_as_gzip_however_the_zip_has_it(edge: RunningEdge, app: Make) -> None:
    for stored in (False, True):
        made = app()
        made.deploy({"index.html": PAGE, "app.js": SCRIPT, "tiny.js": b"1"}, stored=stored)
        for _ in range(2):
            head = edge.get(made.host, "/app.js", "HEAD", Accept_Encoding="gzip")
            whole = edge.get(made.host, "/app.js", Accept_Encoding="gzip")
            assert gzip.decompress(whole.body) == SCRIPT
            assert head["content-length"] == whole["content-length"] == str(len(whole.body))
            assert head["content-encoding"] == whole["content-encoding"] == "gzip"
            plain = edge.get(made.host, "/app.js")
            assert (plain.body, plain.get("content-encoding")) == (SCRIPT, None)
            assert plain["etag"] != whole["etag"] == head["etag"]
            assert plain["vary"] == whole["vary"] == "Accept-Encoding"
        assert edge.get(made.host, "/tiny.js", Accept_Encoding="gzip").body == b"1"


@pytest.mark.parametrize("level", [1, 19])
def test_a_member_that_is_compressed_with_zstandard_is_sent_as_it_lies(
    edge: RunningEdge, app: Make, level: int
) -> None:
    # Two frames one after the other are one body as well.
    frame = zstandard.compress(SCRIPT, level)
    files = [(b"index.html", PAGE, zstandard.compress(PAGE)), (b"app.js", SCRIPT * 2, frame * 2)]
    files.append((b"data.bin", SCRIPT, frame))
    made = app()
    made.deploy(craft(*(File(name, content, method=ZSTANDARD, raw=raw) for name, content, raw in files)))
    small = edge.get(made.host, "/app.js", Accept_Encoding="zstd")
    assert (small["content-encoding"], small.body) == ("zstd", frame * 2)
    assert gzip.decompress(edge.get(made.host, "/app.js", Accept_Encoding="gzip").body) == SCRIPT * 2
    assert edge.get(made.host, "/app.js", Accept_Encoding="gzip;q=0.5, zstd").body == frame * 2
    assert edge.get(made.host, "/app.js", Range="bytes=7800-7899", Accept_Encoding="zstd").body == SCRIPT[:100]
    assert edge.get(made.host, "/data.bin", Accept_Encoding="zstd").body == SCRIPT
    assert edge.get(made.host, "/app.js").body == SCRIPT * 2


def test_a_page_is_sent_in_each_encoding_and_says_which(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE})
    plain = edge.get(made.host)
    packed = edge.get(made.host, Accept_Encoding="zstd, br;q=0.9")
    assert packed["content-encoding"] == "zstd"
    assert zstandard.decompress(packed.body) == plain.body
    head = edge.get(made.host, "/", "HEAD", Accept_Encoding="zstd")
    assert (head["content-length"], head["etag"]) == (packed["content-length"], packed["etag"])
    tags = {edge.get(made.host, Accept_Encoding=one)["etag"] for one in ("identity", "gzip", "br", "zstd")}
    assert len(tags) == 4
