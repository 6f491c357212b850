"""Pages as they are sent: changed if that is safe, and otherwise byte for byte."""

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
def test_files_that_are_no_pages_are_sent_byte_for_byte(edge: RunningEdge, app: Make, content: str | bytes) -> None:
    made = app({"index.html": BEGINNING, "part.html": content}, variables={"A": "1"})
    data = content.encode() if isinstance(content, str) else content
    for target in ("/part", "/part.html", "/part"):
        answer = edge.get(made.host, target)
        assert answer.body == data
        assert answer["etag"] == f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def test_a_page_is_sent_in_the_charset_that_it_declares(edge: RunningEdge, app: Make) -> None:
    text = "<!doctype html><html><head><meta charset=windows-1252><title>Gr\xfc\xdfe</title>"
    made = app({"index.html": BEGINNING, "old.html": text.encode("windows-1252")}, variables={"GRUSS": "Grüße €"})
    answer = edge.get(made.host, "/old")
    assert answer["content-type"] == "text/html; charset=windows-1252"
    page = answer.body.decode("windows-1252")
    assert "<title>Grüße</title>" in page
    assert '"GRUSS":"Gr\\u00fc\\u00dfe \\u20ac"' in page


@pytest.mark.parametrize("size", [0, 2 << 20])
def test_a_page_without_a_recorded_insertion_point_is_searched_when_it_is_served(
    edge: RunningEdge, app: Make, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("easel.bundles.members._place", lambda _: None)
    part = "<section>four</section>" + "a" * size
    made = app({"index.html": f'<!-- c --><head data-x="a>b">{"a" * size}', "part.html": part})
    assert edge.get(made.host).body.startswith(b'<!-- c --><head data-x="a>b"><script>window.__EASEL__=')
    assert edge.get(made.host, "/part").body == part.encode()


WHOLE = BEGINNING + "<title>x</title></head><body>x</body></html>"
EXTERNAL = '<script src="/_easel/runtime.js" data-easel></script>'


def test_an_app_can_have_all_its_pages_byte_for_byte(edge: RunningEdge, app: Make) -> None:
    large = WHOLE + "a" * (2 << 20)
    made = app({"index.html": WHOLE, "large.html": large}, variables={"A": "1"}, runtime="off")
    for encoding in ("", "br"):
        assert edge.get(made.host, Accept_Encoding=encoding)["etag"].startswith(f'"{sha256(WHOLE)[:32]}')
    assert edge.get(made.host).body == WHOLE.encode()
    assert edge.get(made.host, "/large").body == large.encode()
    # Pages of the app request the variables at this address.
    assert b'"A":"1"' in edge.get(made.host, "/_easel/runtime.js").body


def test_pages_can_load_their_variables_from_a_script(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": WHOLE}, variables={"A": "1"}, runtime="external")
    page = edge.get(made.host)
    assert page.body.decode() == WHOLE.replace("<head>", f"<head>{EXTERNAL}")
    script = edge.get(made.host, "/_easel/runtime.js")
    assert script.body.startswith(b'window.__EASEL__=window.__MIXPEEK__={"A":"1","apiBaseUrl":"/api",')
    assert script["content-type"] == "text/javascript; charset=utf-8"
    assert script["cache-control"] == "no-cache"
    assert edge.get(made.host, "/_easel/runtime.js", If_None_Match=script["etag"]).status == 304
    head = edge.get(made.host, "/_easel/runtime.js?v=1", "HEAD")
    assert (head.status, head["content-length"]) == (200, str(len(script.body)))
    assert edge.get(made.host, "/_easel/runtime.js", "POST").status == 405
    before = edge.fast()
    assert edge.get(made.host, "/_easel/runtime.js").body == script.body
    assert edge.fast() == before + 1
    made.variables["A"] = "2"
    made.commit()
    # The page is unchanged. Only the script is different.
    assert edge.get(made.host, If_None_Match=page["etag"]).status == 304
    changed = edge.get(made.host, "/_easel/runtime.js", If_None_Match=script["etag"])
    assert (changed.status, b'"A":"2"' in changed.body) == (200, True)


def test_an_apps_rules_never_replace_the_platforms_script(edge: RunningEdge, app: Make) -> None:
    rules = {
        "_headers": "/*\n  Cache-Control: public, max-age=31536000, immutable\n",
        "_redirects": "/* /index.html 200!\n",
    }
    made = app({"index.html": WHOLE, **rules}, variables={"A": "1"})
    script = edge.get(made.host, "/_easel/runtime.js")
    assert (script["cache-control"], b'"A":"1"' in script.body) == ("no-cache", True)


def test_every_address_has_a_script_of_its_own(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": WHOLE, "_easel/runtime.js": "mine"})
    made.deploy({"index.html": WHOLE}, to="staging")
    for host, environment in (
        (made.host, "production"),
        (f"staging-{made.host}", "staging"),
        (f"v1-{made.host}", "v1"),
    ):
        assert f'"environment":"{environment}"'.encode() in edge.get(host, "/_easel/runtime.js").body
    assert edge.get("nobody.localhost", "/_easel/runtime.js").status == 404
    assert edge.get(made.host, "/_easel/other.js").status == 404


def test_a_change_of_how_pages_get_their_variables_takes_effect_at_once(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": WHOLE})
    assert b"<script>window.__EASEL__" in edge.get(made.host).body
    for runtime, holds in (("external", EXTERNAL), ("off", "<head><title>"), ("inline", "<script>window.")):
        made.runtime = runtime  # type: ignore[assignment]
        made.commit()
        assert holds.encode() in edge.get(made.host).body


def test_a_page_whose_digest_is_in_the_bundle_is_sent_byte_for_byte(edge: RunningEdge, app: Make) -> None:
    listed = f'{{"hashTable": {{"/index.html": "{hashlib.sha1(WHOLE.encode()).hexdigest()}"}}}}'
    made = app({"index.html": WHOLE, "about.html": WHOLE + "about", "ngsw.json": listed}, variables={"A": "1"})
    assert edge.get(made.host).body == WHOLE.encode()
    assert b'"A":"1"' in edge.get(made.host, "/about").body
    assert edge.get(made.host, "/ngsw.json").body == listed.encode()


def test_pages_that_a_service_worker_may_cache_also_load_the_current_variables(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": WHOLE, "app.js": "navigator.serviceWorker.register('/sw.js')"}, variables={"A": "1"})
    page = edge.get(made.host).body.decode()
    assert page.index('"A":"1"') < page.index(EXTERNAL) < page.index("<title>")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
