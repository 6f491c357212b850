"""Encodings, conditions, ranges and headers."""

from __future__ import annotations

import gzip
from email.utils import formatdate
from itertools import pairwise

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel.serving.models import Answer, Request
from easel.serving.negotiate import acceptable, byte_range, choose_encoding
from tests.serving.building import Place, answered, body_of, fields

CONTENT = b"const answer = 42;\n" * 100
PLACE = Place({"app.js": CONTENT, "index.html": b"<p>", "assets/a-0123abcd.js": b"x", "404.html": b"none"})
STORED = Place({"app.js": CONTENT}, stored=True)
MODIFIED = 1_700_000_000


def ask(place: Place = PLACE, target: str = "/app.js", small: bytes | None = None, **headers: str) -> Answer:
    method = headers.pop("method", "GET")
    return answered(place.site(), Request(method, target, **headers), small)


@pytest.mark.parametrize(
    ("header", "best_first"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip > identity"),
        ("gzip, deflate, br, zstd", "br zstd gzip > identity"),
        ("br;q=0.5, gzip", "gzip > br > identity"),
        ("zstd;q=0.9, br;q=0.8, gzip;q=0.9", "zstd gzip > br > identity"),
        ("br;q=0, gzip;q=0", "identity"),
        ("*", "br zstd gzip identity"),
        ("*;q=0", "identity"),
        ("*;q=0, zstd", "zstd > identity"),
        ("br;q=0, *;q=0.5", "zstd gzip identity"),
        ("identity;q=0, gzip", "gzip > identity"),
        ("identity;q=0", "identity"),
        ("identity, gzip;q=0.5", "identity > gzip"),
        ("identity;q=0.001, zstd;q=0.001", "zstd identity"),
        ("GZIP;Q=1, ZSTD", "zstd gzip > identity"),
        ("x-gzip", "gzip > identity"),
        ("gzip;q=nan, br;q=7", "identity"),
        ("deflate", "identity"),
        (", ,;;q=1,gzip", "gzip > identity"),
    ],
)
def test_the_clients_weights_decide_between_encodings(header: str | None, best_first: str) -> None:
    assert " > ".join(map(" ".join, acceptable(header))) == best_first


def test_the_smallest_of_equally_weighted_encodings_is_sent() -> None:
    for small in (brotli.compress(CONTENT), brotli.compress(CONTENT, quality=0) + bytes(9000)):
        sent = fields(ask(small=small, accept_encoding="gzip, br")).get("content-encoding")
        assert sent == ("br" if len(small) < 1000 else "gzip")
    incompressible = Place({"noise.txt": bytes(range(256))})
    assert "content-encoding" not in fields(ask(incompressible, "/noise.txt", accept_encoding="gzip"))


GAIN_NOTHING = """data.sqlite3 data.db x.duckdb x.parquet x.pdf pkg.tgz x.tar.gz x.csv.gz x.zst x.zip photo.jpg x.bin
    x.woff2 x.mp4 x.pmtiles x.onnx x.unityweb x"""


@pytest.mark.parametrize("path", GAIN_NOTHING.split())
def test_an_incompressible_file_is_sent_unencoded_whatever_the_zip_contains(path: str) -> None:
    for stored in (False, True):
        place = Place({path: CONTENT}, stored=stored)
        for method in ("GET", "HEAD"):
            answer = ask(place, f"/{path}", method=method, accept_encoding="gzip, deflate, br, zstd")
            assert (answer.status, answer.length) == (200, len(CONTENT))
            assert not {"content-encoding", "vary"} & fields(answer).keys()


@pytest.mark.parametrize("path", ["x.json", "x.svg", "x.wasm", "x.ttf", "x.otf", "x.eot", "x.glb", "x.csv", "x.ics"])
def test_a_compressible_file_is_encoded_for_head_as_for_get(path: str) -> None:
    place = Place({path: CONTENT})
    whole, head = (ask(place, f"/{path}", method=method, accept_encoding="gzip") for method in ("GET", "HEAD"))
    assert whole.headers == head.headers
    assert fields(whole)["content-encoding"] == "gzip"
    assert gzip.decompress(body_of(whole, place)) == CONTENT


@given(st.text(st.characters(codec="latin-1"), max_size=400))
def test_no_accept_encoding_breaks_the_choice(header: str) -> None:
    assert choose_encoding(header, ["gzip", "identity"]) in ("gzip", "identity")


@given(
    st.binary(max_size=4000),
    st.lists(st.sampled_from(["gzip", "br", "identity", "*", "gzip;q=0", "br;q=0.4", "identity;q=0"]), max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_the_client_gets_the_same_bytes_in_every_encoding(
    content: bytes, accepted: list[str], stored: bool, has_brotli: bool
) -> None:
    place = Place({"app.js": content}, stored=stored)
    small = brotli.compress(content) if has_brotli else None
    answer = ask(place, small=small, accept_encoding=", ".join(accepted))
    body = body_of(answer, place)
    encoding = fields(answer).get("content-encoding", "identity")
    decoded = {"identity": bytes, "gzip": gzip.decompress, "br": brotli.decompress}[encoding](body)
    assert decoded == content
    assert len(body) == answer.length == int(fields(answer)["content-length"])


def test_each_representation_has_an_etag_of_its_own_and_says_what_it_varies_by() -> None:
    answers = [ask(small=brotli.compress(CONTENT), accept_encoding=encoding) for encoding in ("", "gzip", "br")]
    assert len({fields(answer)["etag"] for answer in answers}) == 3
    assert {fields(answer)["vary"] for answer in answers} == {"Accept-Encoding"}
    assert all(not fields(answer)["etag"].startswith("W/") for answer in answers)
    # The file may get an encoding later.
    assert fields(ask(STORED))["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("wrap", ["{}", "W/{}", '"other", {}', '{} , W/"x"', "*"])
def test_a_client_with_a_current_copy_gets_304(wrap: str) -> None:
    tag = fields(ask())["etag"]
    answer = ask(if_none_match=wrap.format(tag))
    assert (answer.status, answer.length) == (304, 0)
    sent = fields(answer)
    assert sent["etag"] == tag
    assert {"cache-control", "vary", "last-modified"} <= sent.keys()
    assert not {"content-length", "content-type", "content-encoding"} & sent.keys()


def test_another_representations_etag_is_no_match() -> None:
    assert ask(if_none_match=fields(ask())["etag"], accept_encoding="gzip").status == 200
    assert ask(if_none_match='"other"').status == 200


def test_if_modified_since_applies_only_alone_and_only_to_the_exact_time() -> None:
    same = formatdate(MODIFIED, usegmt=True)
    assert ask(if_modified_since=same).status == 304
    # After a restore, the older version is current, so a later date proves nothing.
    assert ask(if_modified_since=formatdate(MODIFIED + 60, usegmt=True)).status == 200
    assert ask(if_modified_since=formatdate(MODIFIED - 60, usegmt=True)).status == 200
    assert ask(if_modified_since=same, if_none_match='"other"').status == 200
    assert ask(if_modified_since="yesterday").status == 200


@given(
    st.binary(min_size=1, max_size=3000),
    st.lists(st.integers(1, 3000), max_size=5),
    st.booleans(),
)
def test_all_ranges_together_are_the_file(content: bytes, cuts: list[int], stored: bool) -> None:
    place = Place({"app.js": content}, stored=stored)
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    whole = b""
    for start, stop in pairwise(edges):
        answer = ask(place, range=f"bytes={start}-{stop - 1}", accept_encoding="gzip")
        assert answer.status == 206
        assert fields(answer)["content-range"] == f"bytes {start}-{stop - 1}/{len(content)}"
        assert "content-encoding" not in fields(answer)
        part = body_of(answer, place)
        assert len(part) == answer.length == int(fields(answer)["content-length"])
        whole += part
    assert whole == content


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=2-999", (2, 10)),
        ("Bytes=2-3", (2, 4)),
        ("bytes=5-2", None),
        ("bytes=0-1,4-5", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("lines=1-2", None),
        ("bytes=" + "9" * 5000 + "-", None),
        (" bytes= 2 - 3 ", (2, 4)),
        ("bytes=\u00b2-3", None),
        ("bytes=1", None),
        ("bytes=1-" + " " * 60_000 + "x", None),
    ],
)
def test_a_valid_range_is_applied_and_an_invalid_range_is_ignored(
    header: str, expected: tuple[int, int] | None
) -> None:
    assert byte_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_past_the_end_is_416_with_the_size(header: str) -> None:
    answer = ask(Place({"app.js": b"0123456789"}), range=header)
    assert answer.status == 416
    assert fields(answer)["content-range"] == "bytes */10"
    assert fields(answer)["content-length"] == "0"
    assert fields(answer)["cache-control"] == "no-store"


def test_several_ranges_give_the_whole() -> None:
    assert ask(range="bytes=0-1,5-6").status == 200


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=5-9", "bytes=-7", "bytes=0-1,5-6", "bytes=99999-", "lines=1-2"])
def test_head_with_a_range_has_the_headers_of_get(header: str) -> None:
    for encoding in ("identity", "gzip, br"):
        get, head = (ask(range=header, method=method, accept_encoding=encoding) for method in ("GET", "HEAD"))
        assert (head.status, head.headers, head.length) == (get.status, get.headers, get.length)
    assert ask(range="bytes=0-", method="HEAD").status == 206


def test_a_range_is_resumed_only_with_the_same_file() -> None:
    tag = fields(ask())["etag"]
    date = formatdate(MODIFIED, usegmt=True)
    assert ask(range="bytes=0-1", if_range=tag).status == 206
    assert ask(range="bytes=0-1", if_range=date).status == 206
    for other in ('"other"', f"W/{tag}", formatdate(MODIFIED + 1, usegmt=True), "nonsense"):
        assert ask(range="bytes=0-1", if_range=other).status == 200


def test_a_condition_comes_before_a_range() -> None:
    assert ask(range="bytes=0-1", if_none_match=fields(ask())["etag"]).status == 304


def test_a_404_page_is_never_304_or_206_and_is_always_revalidated() -> None:
    page = ask(target="/nowhere", accept="text/html", if_none_match="*", range="bytes=0-1")
    assert page.status == 404
    assert fields(page)["cache-control"] == "public, max-age=0, must-revalidate"


def test_every_answer_of_a_site_says_its_version_and_forbids_guessing_types() -> None:
    for answer in (
        ask(),
        ask(range="bytes=0-1"),
        ask(target="/api/x"),
        ask(if_none_match="*"),
        ask(range="bytes=99999-"),
    ):
        sent = fields(answer)
        assert sent["x-easel-version"] == "3"
        assert sent["x-content-type-options"] == "nosniff"
        assert sent["x-robots-tag"] == "noindex"


def test_an_indexable_site_says_nothing_to_robots() -> None:
    site = PLACE.site(indexable=True)
    request = Request("GET", "/app.js")
    assert "x-robots-tag" not in fields(answered(site, request))


def test_a_refused_method_gets_the_allowed_methods() -> None:
    answer = ask(method="POST")
    assert answer.status == 405
    assert fields(answer)["allow"] == "GET, HEAD"
