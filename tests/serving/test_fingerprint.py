"""Files that are cached for ever, and missing files that an earlier version may have."""

from __future__ import annotations

import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel.serving import fingerprint
from easel.serving.fingerprint import is_immutable, looks_fingerprinted, may_be_of_an_earlier_version
from tests.serving.building import Place
from tests.sites import SITES, site_zip

HASHED = [
    "assets/index-BK2dF_3s.js",
    "assets/index-C_-abcde.css",
    "name.8f3a2b1c.js",
    "main.0123abcd.chunk.js",
    "static/js/main.a1b2c3d4.js.map",
    "static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
    "_next/static/chunks/app/page-0a1b2c3d4e5f6071.js",
    "_next/static/css/0123456789abcdef.css",
    "_next/static/media/4473ecc91f70f139-s.p.woff",
    "_astro/index.DvHash12.css",
    "_app/immutable/entry/start.Cab12_-3.js",
    "_app/immutable/nodes/0.BqFwd2rT.js",
    "chunk-QWERTY23.js",
]


@pytest.mark.parametrize("path", HASHED)
def test_files_with_hashed_names_are_searched_in_earlier_versions(path: str) -> None:
    assert looks_fingerprinted(path)
    assert may_be_of_an_earlier_version(path)


@pytest.mark.parametrize(
    "path",
    [
        "_next/static/xYz123build/_buildManifest.js",
        "build/1031.b91a70b.js",
        "jlab_core.b91a70b.js",
        "assets/guide.md.BxyzAB12.lean.js",
        "_nuxt/BxyzAB12.js",
        "0b035c2711f36bad3336.png",
        "img/88l6cCP115-343.webp",
        "assets/icon.6ce24c58023cc2f8fd88fe9d219db6c6@2x.png",
    ],
)
def test_files_of_a_single_build_are_searched_in_earlier_versions_too(path: str) -> None:
    assert may_be_of_an_earlier_version(path)


@pytest.mark.parametrize("path", ["index.html", "assets/page-abcdefgh.html", "favicon.ico", "data.json"])
def test_pages_and_plain_names_are_never_taken_from_an_earlier_version(path: str) -> None:
    assert not may_be_of_an_earlier_version(path)


@pytest.mark.parametrize("name", SITES)
def test_the_chunks_of_a_real_build_are_all_known_as_such(name: str) -> None:
    with zipfile.ZipFile(site_zip(name)) as archive:
        paths = [info.filename for info in archive.infolist() if not info.is_dir()]
    chunks = [path for path in paths if path.endswith((".js", ".css")) and ("assets/" in path or "_astro/" in path)]
    assert [path for path in chunks if not may_be_of_an_earlier_version(path)] == []


def test_a_manifest_without_the_decision_is_judged_by_certain_names() -> None:
    files = Place(dict.fromkeys(HASHED, b"x"), asked=False).manifest.files
    assert {path for path in files if is_immutable(path, files[path])} == {
        path for path in HASHED if path.startswith(("_next/", "_astro/", "_app/", "chunk-"))
    }


PIECES = st.lists(
    st.sampled_from(
        "a Cab 12_ - . _ / deadbeef QWERTY23 _app immutable _astro _next/static/ assets/ dist/ chunk _hu @2x .map "  # noqa: SIM905
        ".js .png .md. .lean .min 0123456789abcdef".split()
    ),
    max_size=7,
).map("".join)


@given(PIECES)
def test_the_quick_check_of_a_short_name_agrees_with_all_hash_patterns(path: str) -> None:
    quick = may_be_of_an_earlier_version(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint, "_LONG", 0)
        assert quick == may_be_of_an_earlier_version(path)
