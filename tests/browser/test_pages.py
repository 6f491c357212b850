"""The effect of the inserted script on real pages, in real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from testbed.running import RunningApp
from tests.edge.running import zipped
from tests.sites import site_zip

pytestmark = pytest.mark.browser

KNOWN = "(window.__EASEL__ || {}).slug"


def address_of(app: RunningApp) -> str:
    return f"http://{app.slug}.localhost:{app.platform.edge_port}"


def change(app: RunningApp, **build: object) -> None:
    answer = app.client.patch(app.path, json={"build_config": build, "publish": True})
    assert answer.status_code == 200, answer.text


def ready(tab: Page) -> None:
    """Waits until a service worker controls the page."""
    tab.wait_for_function("navigator.serviceWorker.controller !== null")


HOME = "<!doctype html><html><head></head></html>"
PAGES = {
    "csp.html": "<!doctype html><meta http-equiv=Content-Security-Policy content=\"script-src 'self'\"><title>c",
    "saved.html": "<!-- saved -->\n<!doctype html>\n<p>plain",
    "text.html": "<!doctype html><html lang=en><title>x</title><textarea><script>1</script></textarea>",
    "quoted.html": '<!doctype html><html><head data-x="a>b"><title>x</title></head><body>y</body></html>',
    "svg.html": "<!doctype html><svg><script>window.first = window.__EASEL__.slug</script></svg>",
    "frames.html": "<html><frameset cols=*><frame src=about:blank></frameset></html>",
    "old.html": '<?xml version="1.0"?><!DOCTYPE html SYSTEM "about:legacy-compat"><html><head></head><body>x',
}
PARTS = {"part.html": "<section>four</section>", "row.html": "<tr><td>1</td></tr>"}


def test_pages_of_every_form_get_their_variables_and_stay_otherwise_unchanged(tab: Page, app: RunningApp) -> None:
    assert (
        app.deploy(zipped({"index.html": "<!doctype html><html><head></head></html>", **PAGES, **PARTS}))["status"]
        == "complete"
    )
    for mode in ("inline", "external"):
        change(app, runtime=mode)
        for path in PAGES:
            tab.goto(f"{address_of(app)}/{path}")
            assert tab.evaluate(KNOWN) == app.slug, (mode, path)
            assert tab.evaluate("document.querySelectorAll('head > script').length") == 0
            quirks = tab.evaluate("document.compatMode") == "BackCompat"
            assert quirks == (path == "frames.html")
        tab.goto(f"{address_of(app)}/text.html")
        assert tab.input_value("textarea") == "<script>1</script>"
        tab.goto(f"{address_of(app)}/quoted.html")
        assert tab.inner_text("body") == "y"
        tab.goto(f"{address_of(app)}/frames.html")
        assert tab.evaluate("document.body.tagName") == "FRAMESET"
    tab.goto(address_of(app))
    for path, text in PARTS.items():
        assert tab.evaluate("path => fetch(path).then(answer => answer.text())", path) == text


def test_a_page_in_an_old_encoding_is_shown_correctly(tab: Page, app: RunningApp) -> None:
    files: dict[str, bytes | str] = {
        "index.html": HOME,
        "w.html": "<html><head><meta charset=windows-1252></head><body>Grüße</body></html>".encode("windows-1252"),
        "s.html": "<html><head><meta charset=shift_jis></head><body>日本</body></html>".encode("shift_jis"),
        "u.html": "<html><head></head><body>日本</body></html>".encode("utf-16"),
        "x.html": "<html><head></head><body>日本</body></html>".encode("utf-16-le"),
    }
    change(app, env_vars={"COLOUR": "grün ☃"})
    assert app.deploy(zipped(files))["status"] == "complete"
    for path, text, known in (("w", "Grüße", True), ("s", "日本", True), ("u", "日本", False), ("x", "日本", False)):
        tab.goto(f"{address_of(app)}/{path}")
        assert tab.inner_text("body") == text
        assert tab.evaluate("(window.__EASEL__ || {}).COLOUR || null") == ("grün ☃" if known else None)


@pytest.mark.parametrize("mode", ["inline", "external"])
def test_react_hydrates_a_whole_document(tab: Page, app: RunningApp, mode: str) -> None:
    troubles: list[str] = []
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    change(app, runtime=mode)
    assert app.deploy(site_zip("documents"))["status"] == "complete"
    for version in ("18", "19"):
        tab.goto(f"{address_of(app)}/{version}/")
        tab.click("#count")
        expect(tab.locator("#count")).to_have_text("Turns: 1")
        assert tab.evaluate("window.trouble") == troubles == []
        assert tab.evaluate(KNOWN) == app.slug


def test_the_object_exists_however_often_its_script_is_run(tab: Page, app: RunningApp) -> None:
    change(app, env_vars={"COLOUR": "red"})
    assert app.deploy(zipped({"index.html": HOME, "own.html": f"{HOME}<script src=/_easel/runtime.js></script>"}))
    text = app.visit().text
    inline = text[text.index("<script>") + len("<script>") : text.index("</script>")]
    tab.goto(f"{address_of(app)}/own.html")
    # The page's own script stays.
    assert tab.locator("script").count() == 1
    for source in (inline, app.visit("/_easel/runtime.js").text):
        for _ in range(2):
            tab.evaluate("delete window.__EASEL__")
            tab.evaluate("source => (0, eval)(source)", source)
            assert tab.evaluate("window.__EASEL__ === window.__MIXPEEK__ && __EASEL__.COLOUR") == "red"


def test_a_policy_in_a_header_allows_the_external_script_and_blocks_the_inline_script(
    tab: Page, app: RunningApp
) -> None:
    refused: list[str] = []
    tab.on("console", lambda message: refused.append(message.text) if "Policy" in message.text else None)
    files = {"index.html": HOME, "_headers": "/*\n  Content-Security-Policy: script-src 'self'\n"}
    assert app.deploy(zipped(files))["status"] == "complete"
    tab.goto(address_of(app))
    assert tab.evaluate(KNOWN) is None
    assert len(refused) == 1
    change(app, runtime="external")
    tab.reload()
    assert tab.evaluate(KNOWN) == app.slug
    assert len(refused) == 1


def test_angulars_service_worker_is_normal_and_opens_without_a_network(tab: Page, app: RunningApp) -> None:
    change(app, env_vars={"COLOUR": "red"})
    deployed = app.deploy(site_zip("angular-worker"))
    assert "`ngsw.json` contains its hash" in deployed["warnings"][0]
    address = address_of(app)
    tab.goto(address)
    expect(tab.locator("#colour")).to_have_text("none")
    tab.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
    # Once the worker has cached the listed files, it controls the page from its next load on.
    for _ in range(50):
        tab.goto(address)
        if tab.evaluate("navigator.serviceWorker.controller !== null"):
            break
    state = tab.evaluate("fetch('/ngsw/state').then(answer => answer.text())")
    assert "Driver state: NORMAL" in state
    tab.context.set_offline(True)
    tab.goto(f"{address}/item/5")
    expect(tab.locator("h1")).to_have_text("Angular")


def test_a_changed_variable_reaches_a_precached_page_at_its_next_load(tab: Page, app: RunningApp) -> None:
    change(app, env_vars={"COLOUR": "red"})
    assert app.deploy(site_zip("workbox"))["status"] == "complete"
    address = address_of(app)
    tab.goto(address)
    ready(tab)
    change(app, env_vars={"COLOUR": "blue"})
    tab.goto(address)
    expect(tab.locator("#colour")).to_have_text("blue")
    # Without a network, the page has the values from when it was cached, and still works.
    tab.context.set_offline(True)
    tab.goto(address)
    expect(tab.locator("#colour")).to_have_text("red")
    assert tab.locator("script[data-easel]").count() == 0
