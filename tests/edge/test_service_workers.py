"""A service worker whose script is missing is ended, so that it does not control an address that now belongs to another
app."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.edge.running import App, RunningEdge

Make = Callable[..., App]

FILES = {"index.html": "<!doctype html><title>one</title>", "sw.js": "self.own = 1", "docs/index.html": "docs"}


@pytest.mark.parametrize(
    "path", ["/worker.js", "/old/sw.js", "/a/page", "/docs", "/assets/sw-3f9a1c2b.js", "/api/sw.js"]
)
def test_a_missing_workers_script_is_replaced_by_a_script_that_ends_the_worker(
    edge: RunningEdge, app: Make, path: str
) -> None:
    made = app(FILES)
    answer = edge.get(made.host, path, Service_Worker="script", Sec_Fetch_Dest="serviceworker")
    assert answer.status == 200
    assert answer["content-type"].startswith("text/javascript")
    assert answer["cache-control"] == "no-store"
    assert b"registration.unregister()" in answer.body
    head = edge.get(made.host, path, "HEAD", Service_Worker="script")
    assert (head.status, head["content-length"]) == (200, str(len(answer.body)))
    # No other request gets the script that unregisters workers.
    plain = edge.get(made.host, path, Sec_Fetch_Dest="script")
    assert b"unregister" not in plain.body
    assert edge.get(made.host, path, "POST", Service_Worker="script").status in (404, 405)


def test_an_existing_worker_script_is_served_as_usual(edge: RunningEdge, app: Make) -> None:
    made = app(FILES)
    for path in ("/sw.js", "/s%77.js", "/sw.js?v=2"):
        for _ in range(2):
            assert edge.get(made.host, path, Service_Worker="script").body == b"self.own = 1"
    made.deploy({"index.html": "two"})
    assert b"unregister" in edge.get(made.host, "/sw.js", Service_Worker="script").body


def test_workers_of_an_earlier_version_keep_loading_their_fingerprinted_script(edge: RunningEdge, app: Make) -> None:
    made = app({**FILES, "assets/sw-3f9a1c2b.js": "self.earlier = 1"})
    made.deploy(FILES)
    assert edge.get(made.host, "/assets/sw-3f9a1c2b.js", Service_Worker="script").body == b"self.earlier = 1"


def test_the_worker_of_a_deleted_app_is_ended(edge: RunningEdge, app: Make) -> None:
    gone, off, empty = app(FILES), app(FILES), app()
    gone.delete()
    off.active = False
    off.commit(hosts=True)
    for host in (gone.host, off.host, empty.host, f"v7-{empty.host}", f"v1-{gone.host}", "a.b.localhost"):
        answer = edge.get(host, "/sw.js", Service_Worker="script")
        assert (answer.status, answer["content-type"]) == (200, "text/javascript; charset=utf-8"), host
        assert edge.get(host, "/sw.js").status == 404
