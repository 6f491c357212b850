"""Files that a build itself compressed."""

from __future__ import annotations

import gzip

import brotli
import pytest
import zstandard

from easel.bundles.codings import decoded
from easel.bundles.models import Coding
from tests.bundles.crafted import PAGE, File, craft
from tests.bundles.looking import look

SCRIPT = b"export const answer = 42;\n" * 4000


def packed(name: str, content: bytes = SCRIPT) -> bytes:
    """Returns the content as a file of this name would have it."""
    if name.endswith(".br"):
        small: bytes = brotli.compress(content, quality=5)
        return small
    return zstandard.compress(content) if name.endswith(".zst") else gzip.compress(content, 1)


def codings(*names: str, **contents: bytes) -> dict[str, str]:
    """Returns the compression of the files of a bundle that are sent decoded."""
    files = [File()] + [File(name.encode(), packed(name)) for name in names]
    files += [File(name.encode(), content) for name, content in contents.items()]
    return {path: member.coding for path, member in look(craft(*files)).files.items() if member.coding}


def test_code_and_what_is_compressed_with_brotli_is_for_browsers_to_unpack() -> None:
    names = [
        "Build/g.data.br",
        "Build/g.framework.js.br",
        "x.wasm.gz",
        "a/app.js.gz",
        "m.mjs.zst",
        "style.css.gz",
        "d.json.br",
    ]
    expected = {name: {"br": "br", "gz": "gzip", "zst": "zstd"}[name.rpartition(".")[2]] for name in names}
    assert codings(*names) == expected
    assert codings("logo.svgz", "LOUD.SVGZ") == {"logo.svgz": "gzip", "LOUD.SVGZ": "gzip"}


def test_data_is_for_programs_to_unpack_and_downloads_are_left_alone() -> None:
    names = [
        "archive.tar.gz",
        "data.csv.gz",
        "model.json.gz",
        "brain.nii.gz",
        "x.geojson.zst",
        "dump.tar.br",
        "plain.gz",
    ]
    assert codings(*names, "x.data.gz", "a.tgz", "b.br", "c.gz", "movie.unityweb") == {}


def test_unitys_data_is_for_browsers_to_unpack_also_with_gzip() -> None:
    names = [
        "Build/4f2a.data.gz",
        "Build/77aa.symbols.json.gz",
        "Build/9b.wasm.gz",
        "other/x.data.gz",
        "other/x.json.gz",
    ]
    found = codings(*names, **{"Build/1c.loader.js": SCRIPT})
    assert found == dict.fromkeys(names[:3], "gzip")


def test_a_compressed_file_next_to_the_plain_file_is_an_encoding_of_it() -> None:
    assert codings("app.js.br", "app.js.gz", **{"app.js": SCRIPT}) == {}


@pytest.mark.parametrize("name", ["x.js.br", "x.js.gz", "x.wasm.zst", "x.svgz"])
@pytest.mark.parametrize("content", [SCRIPT, b"", b"1", b"\x00" * 40, b"PK\x03\x04" * 99])
def test_a_compressed_file_that_does_not_match_its_name_is_left_unchanged(name: str, content: bytes) -> None:
    assert codings(**{name: content}) == {}


def test_a_compressed_file_that_needs_more_memory_than_browsers_allow_is_left_unchanged() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=24)
    long = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert codings(**{"x.js.zst": long.compress(SCRIPT) + long.flush()}) == {}


@pytest.mark.parametrize("coding", ["br", "gzip", "zstd"])
def test_unpacking_stops_at_the_limit_and_detects_damage(coding: Coding) -> None:
    small = packed({"br": "x.br", "gzip": "x.gz", "zstd": "x.zst"}[coding])
    assert decoded(small, coding, len(SCRIPT)) == SCRIPT
    assert decoded(small, coding, len(SCRIPT) - 1) is None
    for damaged in (small[:-5], b"", PAGE, small + b"more"):
        assert decoded(damaged, coding, len(SCRIPT)) != SCRIPT
    bomb = packed({"br": "x.br", "gzip": "x.gz", "zstd": "x.zst"}[coding], bytes(8 << 20))
    assert decoded(bomb, coding, 1 << 20) is None
