"""The encodings in which files are sent."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli
import pytest
import zstandard

from easel.bundles.models import ZSTANDARD
from tests.bundles.crafted import File, craft
from tests.edge.running import App, RunningEdge

Make = Callable[..., App]
PAGE = b"<!doctype html><html><head><title>Shop</title></head><body>" + b"hello " * 100 + b"</body></html>"
SCRIPT = b"export const answer = 42;\n" * 300
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "gzip": gzip.decompress,
}


def test_a_small_text_is_sent_as_gzip_whatever_its_form_in_the_zip(edge: RunningEdge, app: Make) -> None:
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
def test_a_zstandard_member_is_sent_unchanged(edge: RunningEdge, app: Make, level: int) -> None:
    # Two frames in a row are also one body.
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


def test_a_page_is_sent_in_each_encoding_and_its_headers_name_it(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": PAGE})
    plain = edge.get(made.host)
    packed = edge.get(made.host, Accept_Encoding="zstd, br;q=0.9")
    assert packed["content-encoding"] == "zstd"
    assert zstandard.decompress(packed.body) == plain.body
    head = edge.get(made.host, "/", "HEAD", Accept_Encoding="zstd")
    assert (head["content-length"], head["etag"]) == (packed["content-length"], packed["etag"])
    tags = {edge.get(made.host, Accept_Encoding=one)["etag"] for one in ("identity", "gzip", "br", "zstd")}
    assert len(tags) == 4


def test_variants_are_sent_to_clients_that_accept_them_the_smallest_first(edge: RunningEdge, app: Make) -> None:
    noise = b"".join(b"%x;" % (n * n * 7919 % 1_000_003) for n in range(4000))
    for stored in (False, True):
        made = app()
        made.deploy({"index.html": PAGE, "app.js": noise, "x.wasm": noise, "x.db": noise}, stored=stored, brotli=True)
        for target in ("/app.js", "/x.wasm"):
            sizes = {}
            for encoding, decode in DECODERS.items():
                sent = edge.get(made.host, target, Accept_Encoding=encoding)
                assert sent["content-encoding"] == encoding
                assert decode(sent.body) == noise
                assert edge.get(made.host, target, Accept_Encoding=encoding, If_None_Match=sent["etag"]).status == 304
                sizes[encoding] = len(sent.body)
            best = edge.get(made.host, target, Accept_Encoding="gzip, deflate, br, zstd")
            assert len(best.body) == min(sizes.values())
        assert edge.get(made.host, "/x.db", Accept_Encoding="gzip, deflate, br, zstd").body == noise


def test_a_prebuilt_encoding_is_sent_if_it_decodes_to_the_file(edge: RunningEdge, app: Make) -> None:
    script = b"".join(b"export const a%d = %d;\n" % (n, n * n) for n in range(900))
    other = script.replace(b"a1 ", b"b1 ")
    for stored in (False, True):
        made = app()
        files = {"index.html": PAGE, "app.js": script, "app.js.br": brotli.compress(script, quality=4)}
        files |= {"app.js.zst": zstandard.compress(script, 2), "app.js.gz": gzip.compress(script, 9)}
        # The first file is from another build, and the second file is not brotli at all.
        files |= {
            "old.js": script + b"//",
            "old.js.br": brotli.compress(other),
            "bad.js": script + b"/",
            "bad.js.br": other,
        }
        made.deploy(files, stored=stored, brotli=True)
        assert edge.get(made.host, "/app.js", Accept_Encoding="br").body == files["app.js.br"]
        assert edge.get(made.host, "/app.js", Accept_Encoding="zstd").body == files["app.js.zst"]
        assert gzip.decompress(edge.get(made.host, "/app.js", Accept_Encoding="gzip").body) == script
        for target in ("/old.js", "/bad.js"):
            sent = edge.get(made.host, target, Accept_Encoding="br")
            assert brotli.decompress(sent.body) == files[target[1:]]
        download = edge.get(made.host, "/app.js.br", Accept_Encoding="br, gzip")
        assert (download.body, download.get("content-encoding")) == (files["app.js.br"], None)


def test_a_compressed_file_without_the_plain_file_is_sent_as_its_content(edge: RunningEdge, app: Make) -> None:
    files = {
        "index.html": PAGE,
        "Build/g.wasm.br": brotli.compress(SCRIPT),
        "Build/g.framework.js.gz": gzip.compress(SCRIPT),
    }
    files |= {"Build/g.data.gz": gzip.compress(SCRIPT), "Build/g.loader.js": b"1", "data.csv.gz": gzip.compress(SCRIPT)}
    for stored in (False, True):
        made = app()
        made.deploy(files, stored=stored)
        for path, type_, encoding in (
            ("Build/g.wasm.br", "application/wasm", "br"),
            ("Build/g.framework.js.gz", "text/javascript; charset=utf-8", "gzip"),
            ("Build/g.data.gz", "application/octet-stream", "gzip"),
        ):
            for method in ("GET", "HEAD", "GET"):
                sent = edge.get(made.host, f"/{path}", method, Accept_Encoding="gzip, deflate, br, zstd")
                assert (sent["content-type"], sent["content-encoding"]) == (type_, encoding)
                assert (sent["vary"], sent["content-length"]) == ("Accept-Encoding", str(len(files[path])))
            assert DECODERS[encoding](sent.body) == SCRIPT
            # The file is sent as uploaded to clients that cannot decode it, and to clients that read it in ranges.
            for headers in ({}, {"Accept_Encoding": "identity"}, {"Accept_Encoding": "zstd"}):
                raw = edge.get(made.host, f"/{path}", **headers)
                assert (raw.body, raw.get("content-encoding")) == (files[path], None)
                assert raw["content-type"] != "application/wasm"
                assert raw["etag"] != sent["etag"]
            part = edge.get(made.host, f"/{path}", Range="bytes=2-9", Accept_Encoding="br, gzip")
            assert (part.status, part.body) == (206, files[path][2:10])
        download = edge.get(made.host, "/data.csv.gz", Accept_Encoding="gzip, br")
        assert (download.body, download["content-type"]) == (files["data.csv.gz"], "application/gzip")
        assert not {"content-encoding", "vary"} & download.headers.keys()


def test_a_part_of_a_long_deflated_file_is_the_same_with_and_without_restart_points(
    edge: RunningEdge, app: Make
) -> None:
    content = b"".join(b"%d,%x\n" % (n, n * n * 7919 % 1_000_003) for n in range(120_000))
    for brotli_made in (True, False):
        made = app()
        made.deploy({"index.html": PAGE, "big.db": content}, brotli=brotli_made)
        for start in (0, 700_000, len(content) - 100):
            for length in (100, 900_000):
                stop = min(len(content), start + length)
                part = edge.get(made.host, "/big.db", Range=f"bytes={start}-{stop - 1}", Accept_Encoding="br")
                assert (part.status, part["content-range"]) == (206, f"bytes {start}-{stop - 1}/{len(content)}")
                assert part.body == content[start:stop]
