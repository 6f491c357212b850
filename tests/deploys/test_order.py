"""Many deploys of one app at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from testbed.running import RunningApp, zip_of


def test_a_hundred_deploys_at_once_become_versions_1_to_100_in_order(app: RunningApp) -> None:
    key = app.upload(zip_of({"index.html": "<!doctype html><title>one</title>"}))
    with ThreadPoolExecutor(10) as pool:
        ids = list(pool.map(lambda n: app.order(key, message=f"number {n}"), range(100)))
    for deploy_id in ids:
        assert app.wait(deploy_id)["status"] == "complete"
    deploys = app.client.get(f"{app.path}/deploys", params={"limit": 200}).json()["deploys"]
    assert [d["version"] for d in deploys] == list(range(100, 0, -1))
    assert sorted(d["queued_at"] for d in deploys) == [d["queued_at"] for d in reversed(deploys)]
    versions = app.client.get(f"{app.path}/versions").json()
    assert (versions["total"], [v["version"] for v in versions["versions"]]) == (100, list(range(100, 0, -1)))
    assert app.visit().headers["x-easel-version"] == "100"
