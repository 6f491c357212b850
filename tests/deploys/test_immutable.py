"""A file is immutable only if that is certain, because a browser never requests an immutable file again."""

from __future__ import annotations

from testbed.running import RunningApp
from tests.sites import site_zip

FOR_EVER, ASKED_AGAIN = "public, max-age=31536000, immutable", "public, max-age=0, must-revalidate"
CHUNK = "assets/index-BK2dF_3s.js"
PAGE = f'<!doctype html><title>x</title><script type="module" src="/{CHUNK}"></script>'


def caching(app: RunningApp, path: str) -> str:
    return app.visit(f"/{path}").headers["cache-control"]


def test_hashed_files_are_cached_and_neighbouring_files_are_revalidated(app: RunningApp) -> None:
    app.deploy({"index.html": PAGE, CHUNK: "1", "assets/og-1200x630.svg": "1", "data/price-1a2b3c4d.json": "1"})
    assert caching(app, CHUNK) == FOR_EVER
    assert caching(app, "assets/og-1200x630.svg") == caching(app, "data/price-1a2b3c4d.json") == ASKED_AGAIN


def test_a_path_with_earlier_other_content_is_always_revalidated(app: RunningApp) -> None:
    app.deploy({"index.html": PAGE, CHUNK: "one"})
    app.deploy({"index.html": PAGE, CHUNK: "one", "more.txt": ""})
    assert caching(app, CHUNK) == FOR_EVER
    app.deploy({"index.html": PAGE, CHUNK: "two"})
    assert (caching(app, CHUNK), app.visit(f"/{CHUNK}").text) == (ASKED_AGAIN, "two")
    for again in ({"more.txt": ""}, {CHUNK: "two"}, {CHUNK: "one"}):
        app.deploy({"index.html": PAGE, CHUNK: "two", **again})
        assert caching(app, CHUNK) == ASKED_AGAIN


def test_content_of_much_earlier_versions_counts_too(app: RunningApp) -> None:
    app.deploy({"index.html": PAGE, CHUNK: "one"})
    app.deploy({"index.html": "<!doctype html><title>without</title>"})
    app.deploy({"index.html": PAGE, CHUNK: "two"})
    assert (caching(app, CHUNK), app.visit(f"/{CHUNK}").text) == (ASKED_AGAIN, "two")


def test_a_file_that_returns_unchanged_stays_immutable(app: RunningApp) -> None:
    app.deploy(site_zip("react-v1"))
    app.deploy({"index.html": "<!doctype html><title>another</title>"})
    app.deploy(site_zip("react-v1"))
    paths = [path for path in app.client.get(f"{app.path}/versions/3").json()["asset_manifest"] if "assets/" in path]
    assert {caching(app, path) for path in paths} == {FOR_EVER}
