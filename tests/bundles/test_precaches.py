"""Files that a service worker's precache lists without a revision."""

from __future__ import annotations

import pytest

from easel.bundles.precaches import without_revision

MINIFIED = 's.precacheAndRoute([{url:"index.html",revision:"b745"},{url:"assets/a.css",revision:null}],{})'
PRETTY = """precacheAndRoute([
  {
    "url": "/a.css",
    "revision": null
  }, { 'revision': null, 'url': 'b%20c.js?x#y' },
  { "url": "index.html", "revision": "null" },
])"""


@pytest.mark.parametrize(
    ("worker", "script", "listed"),
    [
        ("sw.js", MINIFIED, {"assets/a.css"}),
        ("app/sw.js", MINIFIED, {"app/assets/a.css"}),
        ("app/service-worker.js", PRETTY, {"a.css", "app/b c.js"}),
        ("sw.js", MINIFIED.replace("assets/a.css", "../../a.css"), {"a.css"}),
        ("sw.js", MINIFIED.replace("assets/a.css", "https://[/a.css"), {""}),
        ("sw.js", '{url:"a.css"}', set()),
    ],
)
def test_entries_without_a_revision_are_found(worker: str, script: str, listed: set[str]) -> None:
    found = without_revision([worker], lambda path, most: {worker: script.encode()}[path][:most])
    assert found == dict.fromkeys(listed, worker)
