"""A deploy's messages about pages without the app's variables, and an app's choice of the way in which pages get
them."""

from __future__ import annotations

import hashlib

import pytest

from testbed.running import RunningApp
from tests.edge.running import zipped

PAGE = "<!doctype html><html><head><title>x</title></head></html>"
LISTED = f"{hashlib.sha256(PAGE.encode()).hexdigest()}  index.html\n"
FILES = {
    "index.html": PAGE,
    "copy.html": PAGE,
    "SHA256SUMS": LISTED,
    "large.html": PAGE + "a" * (8 << 20),
    "part.html": "<p>x",
}


def test_pages_that_get_no_variables_are_named(app: RunningApp) -> None:
    bundle = zipped(FILES)
    first = app.deploy(bundle)
    assert first["warnings"] == []
    log = app.client.get(f"{app.path}/deploys/{first['deploy_id']}/logs/stream").text
    assert "Note: `index.html` and 1 more page are sent unchanged, because `SHA256SUMS` contains its hash" in log
    app.client.patch(app.path, json={"build_config": {"env_vars": {"A": "1"}}, "publish": True})
    deployed = app.deploy(bundle)
    assert len(deployed["warnings"]) == 2
    listed, large = deployed["warnings"]
    assert "`index.html` and 1 more page are sent unchanged, without the app's variables" in listed
    assert "`SHA256SUMS` contains its hash" in listed
    assert (
        "`large.html` is sent without the app's variables, because Easel does not change pages of more than 8 MiB"
        in large
    )
    log = app.client.get(f"{app.path}/deploys/{deployed['deploy_id']}/logs/stream").text
    assert "Note: `index.html` and 1 more page" in log
    (entry,) = app.deploy(zipped({"index.html": "<h1>Home</h1>"}))["warnings"]
    assert "`index.html` is sent without the app's variables, because Easel cannot write a script into it" in entry
    off = app.client.patch(app.path, json={"build_config": {"runtime": "off"}, "publish": True})
    assert off.status_code == 200, off.text
    assert app.deploy(bundle)["warnings"] == []


def test_an_app_sets_how_its_pages_get_their_variables(app: RunningApp) -> None:
    assert app.deploy(zipped({"index.html": PAGE}))["status"] == "complete"
    assert "<script>window.__EASEL__=" in app.visit().text
    for runtime, holds in (("external", '<script src="/_easel/runtime.js"'), ("off", "<head><title>")):
        answer = app.client.patch(app.path, json={"build_config": {"runtime": runtime}, "publish": True})
        assert answer.json()["build_config"]["runtime"] == runtime
        assert holds in app.visit().text
    assert app.client.patch(app.path, json={"build_config": {"runtime": None}, "publish": True}).status_code == 200
    assert "<script>window.__EASEL__=" in app.visit().text


@pytest.mark.parametrize("runtime", ["none", "", "Inline", True, 1, ["inline"], {"mode": "off"}])
def test_an_unknown_value_is_refused_with_the_allowed_values(app: RunningApp, runtime: object) -> None:
    answer = app.client.patch(app.path, json={"build_config": {"runtime": runtime}})
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"][-2:] == ["build_config", "runtime"]
    assert "'inline', 'external' or 'off'" in problem["msg"]


def test_changed_files_that_a_service_worker_keeps_are_named(app: RunningApp) -> None:
    worker = 'precacheAndRoute([{url:"index.html",revision:"1"},{url:"assets/theme.css",revision:null}])'
    files = {"index.html": PAGE, "sw.js": worker, "assets/theme.css": "a{}", "free.css": "a{}"}
    assert app.deploy(files)["warnings"] == []
    assert app.deploy({**files, "free.css": "b{}"})["warnings"] == []
    (warning,) = app.deploy({**files, "assets/theme.css": "b{}"})["warnings"]
    assert warning.startswith(
        "`assets/theme.css` is different from the latest version, but `sw.js` lists it without a revision."
    )
