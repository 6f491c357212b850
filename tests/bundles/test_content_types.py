"""Content types come from the name alone and are the same on every machine."""

from __future__ import annotations

import mimetypes

import pytest

from easel.bundles.types import content_type, is_text


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
def test_a_name_has_one_type(path: str, expected: str) -> None:
    assert content_type(path) == expected


def test_the_machines_own_tables_change_nothing() -> None:
    mimetypes.add_type("text/x-local", ".html")
    mimetypes.add_type("text/x-local", ".local")
    try:
        assert content_type("index.html") == "text/html; charset=utf-8"
        assert content_type("a.local") == "application/octet-stream"
    finally:
        mimetypes.init()


@pytest.mark.parametrize("path", ["a.html", "a.js", "a.css", "a.json", "a.svg", "a.xml", "a.txt", "a.webmanifest"])
def test_text_is_worth_compressing(path: str) -> None:
    assert is_text(content_type(path))


@pytest.mark.parametrize("path", ["a.png", "a.woff2", "a.wasm", "a.pdf", "a.zip", "a"])
def test_other_content_is_left_alone(path: str) -> None:
    assert not is_text(content_type(path))
