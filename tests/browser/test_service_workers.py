"""A service worker leaves nothing behind in real Chromium that would harm a slug's next app."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from testbed.running import Platform, RunningApp
from tests.edge.running import zipped

pytestmark = pytest.mark.browser

_PAGE = "<!doctype html><meta charset=utf-8><h1>{}</h1>"
_REGISTERS = """<script>
navigator.serviceWorker.register("/deep/worker.js", {scope: "/deep/"}).then(() => navigator.serviceWorker.ready)
  .then(() => { document.title = "ready" })
</script>"""
_WORKER = """
self.addEventListener("install", (event) => event.waitUntil(caches.open("mine").then(() => self.skipWaiting())))
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()))
self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate")
    event.respondWith(new Response("<!doctype html><h1>the worker</h1>", {headers: {"content-type": "text/html"}}))
})
"""


def test_visitors_of_a_slugs_former_app_see_the_app_that_has_it_now(
    tab: Page, platform: Platform, app: RunningApp
) -> None:
    first = {"deep/index.html": _PAGE.format("the first") + _REGISTERS, "deep/worker.js": _WORKER}
    assert app.deploy(zipped({"index.html": "x", **first}))["status"] == "complete"
    address = f"http://{app.slug}.localhost:{platform.edge_port}/deep/"
    tab.goto(address)
    tab.wait_for_function("document.title === 'ready'")
    tab.goto(address)
    expect(tab.locator("h1")).to_have_text("the worker")
    assert app.client.delete(app.path).status_code == 200
    second = RunningApp.create(platform, app.slug)
    files = {"index.html": "x", "deep/index.html": _PAGE.format("the second")}
    assert second.deploy(zipped(files))["status"] == "complete"
    # The old worker still answers this request, while the browser checks the worker's script in the background.
    tab.goto(address)
    expect(tab.locator("h1")).to_have_text("the second")
    tab.goto(address)
    expect(tab.locator("h1")).to_have_text("the second")
    assert tab.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0
    assert tab.evaluate("caches.keys().then(all => all.length)") == 0
