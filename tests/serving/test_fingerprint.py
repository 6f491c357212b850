"""Which names carry a hash of their content."""

from __future__ import annotations

import zipfile

import pytest

from easel.serving.fingerprint import is_fingerprinted, may_be_of_an_earlier_version
from tests.sites import SITES, site_zip


@pytest.mark.parametrize(
    "path",
    [
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
    ],
)
def test_what_build_tools_hash_is_known(path: str) -> None:
    assert is_fingerprinted(path)
    assert may_be_of_an_earlier_version(path)


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        "jquery-3.7.1.min.js",
        "my-component.js",
        "assets/my-component.js",
        "js/bootstrap.bundle.min.js",
        "css/font-awesome.css",
        "blog-20240131.html",
        "assets/photo-20240131.jpg",
        "img/IMG-20240102-WA0001.jpg",
        "img/hero-1920x1080.jpg",
        "assets/Inter-SemiBold.woff2",
        "assets/JetBrainsMono-Regular.woff2",
        "fonts/inter-latin-400.woff2",
        "assets/user-settings.js",
        "assets/deadbeef.js",
        "_app/version.json",
        "robots.txt",
        "sitemap-0.xml",
        "sw.js",
    ],
)
def test_a_name_that_may_come_again_with_other_content_is_not_kept_for_ever(path: str) -> None:
    assert not is_fingerprinted(path)


def test_what_belongs_to_one_build_is_looked_for_in_earlier_versions_although_its_own_name_has_no_hash() -> None:
    assert may_be_of_an_earlier_version("_next/static/xYz123build/_buildManifest.js")
    assert not is_fingerprinted("_next/static/xYz123build/_buildManifest.js")


@pytest.mark.parametrize("path", ["index.html", "assets/page-abcdefgh.html", "favicon.ico", "data.json"])
def test_pages_and_plain_names_are_never_taken_from_an_earlier_version(path: str) -> None:
    assert not may_be_of_an_earlier_version(path)


@pytest.mark.parametrize("name", SITES)
def test_the_chunks_of_a_real_build_are_all_known_as_such(name: str) -> None:
    with zipfile.ZipFile(site_zip(name)) as archive:
        paths = [info.filename for info in archive.infolist() if not info.is_dir()]
    chunks = [path for path in paths if path.endswith((".js", ".css")) and ("assets/" in path or "_astro/" in path)]
    plain = [path for path in chunks if not may_be_of_an_earlier_version(path)]
    assert plain == []
    assert sum(map(is_fingerprinted, chunks)) >= 0.8 * len(chunks)
