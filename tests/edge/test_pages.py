"""Pages as they are sent: changed where that is safe, and else byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.edge.running import App, RunningEdge

Make = Callable[..., App]
BEGINNING = "<!doctype html><html><head>"


@pytest.mark.parametrize(
    "content",
    [
        "<section>four</section>",
        "",
        '{"page": "<html>"}',
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "<!doctype html><html ⚡><head>",
        BEGINNING.encode("utf-16"),
    ],
)
def test_what_is_no_page_is_sent_byte_for_byte(edge: RunningEdge, app: Make, content: str | bytes) -> None:
    made = app({"index.html": BEGINNING, "part.html": content}, variables={"A": "1"})
    data = content.encode() if isinstance(content, str) else content
    for target in ("/part", "/part.html", "/part"):
        answer = edge.get(made.host, target)
        assert answer.body == data
        assert answer["etag"] == f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def test_a_page_is_sent_in_the_charset_that_it_says(edge: RunningEdge, app: Make) -> None:
    text = "<!doctype html><html><head><meta charset=windows-1252><title>Gr\xfc\xdfe</title>"
    made = app({"index.html": BEGINNING, "old.html": text.encode("windows-1252")}, variables={"GRUSS": "Grüße €"})
    answer = edge.get(made.host, "/old")
    assert answer["content-type"] == "text/html; charset=windows-1252"
    page = answer.body.decode("windows-1252")
    assert "<title>Grüße</title>" in page
    assert '"GRUSS":"Gr\\u00fc\\u00dfe \\u20ac"' in page


@pytest.mark.parametrize("size", [0, 2 << 20])
def test_a_version_of_a_release_that_did_not_ask_is_read_when_it_is_served(
    edge: RunningEdge, app: Make, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("easel.bundles.inspect._place", lambda _: None)
    part = "<section>four</section>" + "a" * size
    made = app({"index.html": f'<!-- c --><head data-x="a>b">{"a" * size}', "part.html": part})
    assert edge.get(made.host).body.startswith(b'<!-- c --><head data-x="a>b"><script>window.__EASEL__=')
    assert edge.get(made.host, "/part").body == part.encode()
