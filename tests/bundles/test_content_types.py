"""Content types depend only on the name, and are the same on every machine."""

from __future__ import annotations

import mimetypes
import subprocess
import sys

import pytest

from easel.bundles.mime_db import MIME_DB, SUFFIXES
from easel.bundles.types import content_type, is_compressible, is_loaded_by_pages


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("a/b/page.HTM", "text/html; charset=utf-8"),
        ("app-4f2a9c1b.js", "text/javascript; charset=utf-8"),
        ("app.mjs", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("data.json", "application/json"),
        ("app.js.map", "application/json"),
        ("site.webmanifest", "application/manifest+json"),
        ("module.wasm", "application/wasm"),
        ("logo.svg", "image/svg+xml"),
        ("photo.avif", "image/avif"),
        ("photo.webp", "image/webp"),
        ("photo.jpeg", "image/jpeg"),
        ("photo.png", "image/png"),
        ("favicon.ico", "image/x-icon"),
        ("font.woff2", "font/woff2"),
        ("font.woff", "font/woff"),
        ("robots.txt", "text/plain; charset=utf-8"),
        ("feed.xml", "application/xml"),
        ("paper.pdf", "application/pdf"),
        ("video.mp4", "video/mp4"),
        ("model.glb", "model/gltf-binary"),
        ("types.d.ts", "text/plain; charset=utf-8"),
        ("app.js.gz", "application/gzip"),
        ("app.js.br", "application/octet-stream"),
        ("feed.atom", "application/atom+xml"),
        ("event.ics", "text/calendar; charset=utf-8"),
        ("pass.pkpass", "application/vnd.apple.pkpass"),
        ("track.gpx", "application/gpx+xml"),
        ("places.geojson", "application/geo+json"),
        ("pyproject.toml", "application/toml"),
        ("server.log", "text/plain; charset=utf-8"),
        ("intro.rst", "text/x-rst; charset=utf-8"),
        ("report.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("app.apk", "application/vnd.android.package-archive"),
        ("song.flac", "audio/x-flac"),
        ("photo.jxl", "image/jxl"),
        ("live.mpd", "application/dash+xml"),
        ("part.stl", "model/stl"),
        ("module.cjs", "text/javascript; charset=utf-8"),
        ("main.py", "text/x-python; charset=utf-8"),
        ("data.yaml", "application/yaml"),
        ("main.go", "text/plain; charset=utf-8"),
        ("lib.rb", "text/plain; charset=utf-8"),
        ("fix.patch", "text/plain; charset=utf-8"),
        ("App.vue", "text/plain; charset=utf-8"),
        ("world.topojson", "application/json"),
        ("wifi.mobileconfig", "application/x-apple-aspen-config"),
        (".well-known/matrix/client", "application/json"),
        (".well-known/openid-configuration", "application/json"),
        ("docs/openid-configuration", "application/octet-stream"),
        ("LICENSE", "application/octet-stream"),
        ("html", "application/octet-stream"),
        (".html", "text/html; charset=utf-8"),
        ("dots.", "application/octet-stream"),
        ("folder.js/file", "application/octet-stream"),
        ("data:text/html,hello.png", "image/png"),
        ("page.html?x.css", "text/css; charset=utf-8"),
        (".well-known/apple-app-site-association", "application/json"),
    ],
)
def test_each_name_has_one_content_type(path: str, expected: str) -> None:
    assert content_type(path) == expected


def test_the_machines_own_tables_change_nothing() -> None:
    mimetypes.add_type("text/x-local", ".html")
    mimetypes.add_type("text/x-local", ".local")
    try:
        assert content_type("index.html") == "text/html; charset=utf-8"
        assert content_type("a.local") == "application/octet-stream"
    finally:
        mimetypes.init()


def test_the_table_asks_neither_python_nor_the_machine() -> None:
    script = "import sys; import easel.bundles.types; print('mimetypes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"
    assert MIME_DB == "1.54.0"
    assert len(SUFFIXES.split()) > 2000


@pytest.mark.parametrize("name", ["x.js", "x.PNG", "x.woff2", "x.json", "x.pmtiles", "x.pdf"])
def test_files_that_pages_load_are_told_from_names_that_end_like_a_host(name: str) -> None:
    assert is_loaded_by_pages(name)


@pytest.mark.parametrize(
    "name", ["jane@example.me", "jane@example.ai", "jane@example.com", "a@b.in", "main.py", "a.au"]
)
def test_an_address_that_ends_like_a_host_or_a_source_file_does_not_count_as_an_asset(name: str) -> None:
    assert not is_loaded_by_pages(name)


GAIN = """html js css json svg xml txt webmanifest gpx geojson toml wasm ttf otf eot ttc ico bmp gltf glb obj stl map
    csv ndjson jsonl ics m3u8 mpd vtt ipynb rss"""
GAIN_NOTHING = """png jpg avif woff woff2 mp4 mp3 opus pdf zip gz tgz tar.gz js.gz br zst 7z tar sqlite sqlite3 db
    duckdb parquet arrow feather pmtiles tif onnx bin data h5 nc docx apk jar unityweb pck unheard-of"""


@pytest.mark.parametrize("suffix", GAIN.split())
def test_text_code_and_outlines_are_worth_compressing(suffix: str) -> None:
    assert is_compressible(content_type(f"a.{suffix}"))


@pytest.mark.parametrize("suffix", GAIN_NOTHING.split())
def test_compressed_files_and_files_that_are_read_in_ranges_are_not_compressed(suffix: str) -> None:
    assert not is_compressible(content_type(f"a.{suffix}"))
