"""Old versions are pruned if the operator wants that. Their records remain, and their space is freed."""

from __future__ import annotations

import obstore
import pytest

from easel.settings import Settings
from easel.versions.pruning import Policy
from testbed.running import Platform, RunningApp, zip_of
from tests.versions.pruning import prune_and_sweep

LATER = Policy(count=1, age=None, skew=0)
"""A policy that keeps only the newest version, after the time in which an open tab can need an older version."""


@pytest.fixture
def four(app: RunningApp) -> RunningApp:
    """Returns an app with four versions. The fourth is live."""
    for number in (1, 2, 3, 4):
        app.deploy({"index.html": f"<!doctype html><title>{number}</title>"}, source_files={"a.txt": str(number)})
    return app


def stored(platform: Platform, app: RunningApp, kind: str) -> int:
    """Returns the number of the app's objects of that kind."""
    return len(obstore.list(platform.objects(), prefix=f"apps/{app.app_id}/{kind}").collect())


def test_a_pruned_version_is_listed_and_compared_but_neither_served_nor_restored(
    platform: Platform, four: RunningApp
) -> None:
    assert four.visit(environment="v1").status_code == 200
    assert four.visit(environment="v2").status_code == 200
    assert prune_and_sweep(platform, four, LATER) == [1, 2]
    assert (stored(platform, four, "bundles"), stored(platform, four, "manifests")) == (2, 4)
    listed = four.client.get(f"{four.path}/versions").json()["versions"]
    assert [(v["version"], v["pruned"]) for v in listed] == [(4, False), (3, False), (2, True), (1, True)]
    one = four.client.get(f"{four.path}/versions/1").json()
    assert one["pruned"]
    assert list(one["asset_manifest"]) == ["index.html"]
    compared = four.client.get(f"{four.path}/versions/1/diff/4").json()
    assert compared["summary"]["modified"] == 1
    assert "a.txt" in compared["source_diff"]
    for refused in (
        four.client.get(f"{four.path}/versions/1/download"),
        four.client.post(f"{four.path}/versions/1/restore", json={}),
    ):
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "version_pruned")
    assert four.visit(environment="v1").status_code == 404
    assert four.visit(environment="v3").status_code == 200
    assert four.visit().headers["x-easel-version"] == "4"
    # The version that was live before can always be restored.
    assert four.client.post(f"{four.path}/versions/3/restore", json={}).status_code == 200
    assert four.visit().headers["x-easel-version"] == "3"


def test_variants_of_a_pruned_version_are_made_again_when_its_files_return(platform: Platform, app: RunningApp) -> None:
    page = "<!doctype html><title>again</title>" + "<p>and again</p>" * 200
    sites = [
        zip_of({"index.html": page, "a.js": "//" + "x" * 4000}),
        *(zip_of({"index.html": "x" * n}) for n in (1, 2, 3)),
    ]
    for site in sites:
        app.deploy(site)
        platform.settle()
    assert prune_and_sweep(platform, app, LATER) == [1, 2]
    app.deploy(sites[0])
    platform.settle()
    got = app.visit("/a.js", Accept_Encoding="br")
    assert got.headers["content-encoding"] == "br"


def test_served_versions_and_versions_of_open_tabs_are_kept(platform: Platform, four: RunningApp) -> None:
    four.client.post(f"{four.path}/versions/1/restore", json={"environment": "staging"})
    assert prune_and_sweep(platform, four, Policy(count=1, age=None, skew=3600)) == []
    assert prune_and_sweep(platform, four, Policy(count=1, age=3600, skew=0)) == []
    assert prune_and_sweep(platform, four, LATER) == [2]
    assert four.visit(environment="staging").headers["x-easel-version"] == "1"


def test_a_pruned_versions_configuration_is_deleted_unless_a_version_or_a_rollback_needs_it(
    platform: Platform, app: RunningApp
) -> None:
    for number in (1, 2, 3, 4):
        app.deploy({"index.html": f"<!doctype html><title>{number}</title>"})
        app.client.patch(app.path, json={"meta": {"description": f"after {number}"}})
        assert app.client.post(f"{app.path}/publish", json={"message": str(number)}).status_code == 200
    assert prune_and_sweep(platform, app, LATER) == [1, 2, 3, 4, 5, 6]
    with platform.database() as connection:
        kept = connection.execute("select count(*) from configuration where app_id = %s", (app.app_id,)).fetchone()
    # The two remaining configurations belong to version 7, the target of a rollback, and to version 8.
    assert kept == (2,)
    assert app.client.get(f"{app.path}/versions/2").json()["config"] is None
    assert app.client.get(f"{app.path}/versions/7").json()["config"]["meta"]["description"] == "after 3"
    compared = app.client.get(f"{app.path}/versions/1/diff/8").json()
    assert [file["path"] for file in compared["files"]] == ["index.html"]
    assert app.client.post(f"{app.path}/rollback").json()["meta"]["description"] == "after 3"
    refused = app.client.post(f"{app.path}/rollback")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "version_pruned")


def test_after_a_rollback_and_pruning_the_next_publish_can_be_taken_back(platform: Platform, app: RunningApp) -> None:
    app.deploy({"index.html": "<!doctype html>1"})
    for title in ("2", "3"):
        app.client.patch(app.path, json={"meta": {"title": title}})
        app.client.post(f"{app.path}/publish", json={"message": title})
    assert app.client.post(f"{app.path}/rollback").json()["meta"]["title"] == "2"
    for number in (1, 3):
        assert app.client.post(f"{app.path}/versions/{number}/restore", json={}).status_code == 200
    assert 2 in prune_and_sweep(platform, app, LATER)
    app.client.patch(app.path, json={"meta": {"title": "4"}, "publish": True})
    assert app.client.post(f"{app.path}/rollback").json()["meta"]["title"] == "2"


def test_by_default_everything_is_kept() -> None:
    assert Policy.of(Settings()) is None
    assert Policy.of(Settings(versions_kept=5)) == Policy(count=5, age=None, skew=7 * 86400)
