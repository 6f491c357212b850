"""Easel on two machines. Each machine has its own api, worker and edge, and they share only PostgreSQL and a bucket."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import obstore
import psycopg

from testbed.running import RunningApp, zip_of
from testbed.waiting import PATIENCE, until
from tests.system.cluster import Cluster, Machine
from tests.system.conftest import Shared


def page(number: int) -> dict[str, str]:
    return {"index.html": f"<!doctype html><title>page {number}</title>"}


def on(machine: Machine, app: RunningApp) -> RunningApp:
    """Returns the same app, seen from another machine."""
    return RunningApp(machine, machine.client(), app.app_id, app.slug)


def seconds_until(app: RunningApp, version: int) -> float:
    """Returns the seconds until the edge serves the version. Every response is good once the edge knows the app.
    tests/system/test_edges.py checks that the seconds are few."""
    began = time.monotonic()
    known = False
    while True:
        seen = app.visit()
        known = known or seen.status_code == 200
        assert seen.status_code == (200 if known else 404)
        if seen.headers.get("x-easel-version") == str(version):
            return time.monotonic() - began
        assert time.monotonic() - began < PATIENCE, "an older version is still served"


def test_a_change_on_one_machine_is_served_on_the_other(cluster: Cluster) -> None:
    one, two = cluster.machines
    app = RunningApp.create(one)
    there = on(two, app)
    for number in (1, 2):
        assert app.deploy(page(number))["status"] == "complete"
    seconds_until(there, 2)
    for version in (1, 2, 1):
        there.client.post(f"{there.path}/versions/{version}/restore", json={})
        # The machine that responded serves the version immediately. The other machine takes a moment.
        assert there.visit().headers["x-easel-version"] == str(version)
        seconds_until(app, version)
    log = there.client.get(f"{there.path}/deploys").json()["deploys"][0]["deploy_id"]
    assert "event: done" in there.client.get(f"{there.path}/deploys/{log}/logs/stream").text


def test_deploys_of_one_app_keep_their_order_over_both_machines(cluster: Cluster) -> None:
    one, two = cluster.machines
    app = RunningApp.create(one)
    there = on(two, app)
    key = app.upload(zip_of(page(1)))
    ids = [(app if n % 2 else there).order(key, message=str(n)) for n in range(20)]
    assert [app.wait(deploy_id)["version"] for deploy_id in ids] == list(range(1, 21))


def until_taken_over(url: str) -> None:
    """Returns when no running deploy belongs to its first worker."""
    held = "select id, attempts from procrastinate_jobs where status = 'doing' and queue_name = 'deploys'"
    with psycopg.connect(url, autocommit=True) as connection:
        at_first = set(connection.execute(held).fetchall())
        # EASEL_STALLED_AFTER is 4 seconds. The remaining seconds are for a busy machine. A deploy's own deadline is 10
        # minutes.
        until(lambda: not at_first & set(connection.execute(held).fetchall()), seconds=30)


def test_a_worker_that_dies_or_freezes_is_replaced_by_the_other(shared: Shared) -> None:
    cluster = shared.cluster
    one, _ = cluster.machines
    apps = [RunningApp.create(one) for _ in range(4)]
    keys = [app.upload(zip_of(page(1))) for app in apps]

    def order_five(number: int) -> list[str]:
        return [apps[number].order(keys[number]) for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(order_five, range(4)))
    cluster.kill(0, "worker")
    frozen = cluster.processes[1, "worker"]
    cluster.start(0, "worker")
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        until_taken_over(shared.direct_url)
        ended = [[app.wait(deploy_id) for deploy_id in mine] for app, mine in zip(apps, ids, strict=True)]
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    for mine in ended:
        assert [deploy["status"] for deploy in mine] == ["complete"] * 5
        assert [deploy["version"] for deploy in mine] == list(range(1, 6))
    for app in apps:
        versions = app.client.get(f"{app.path}/versions").json()
        assert versions["total"] == 5
        seconds_until(app, 5)


def test_an_edge_that_has_never_seen_an_app_fetches_it_from_the_bucket(cluster: Cluster) -> None:
    one, two = cluster.machines
    app = RunningApp.create(one)
    files: dict[str, str | bytes] = {**page(1), "large.bin": os.urandom(6_000_000)}
    app.deploy(files)
    there = on(two, app)
    seconds_until(there, 1)
    assert there.visit("/large.bin").content == files["large.bin"]
    part = there.visit("/large.bin", Range="bytes=5000000-5000009")
    assert (part.status_code, part.content) == (206, files["large.bin"][5_000_000:5_000_010])


def test_the_first_page_comes_with_the_manifest(shared: Shared) -> None:
    one, two = shared.cluster.machines
    app = RunningApp.create(one)
    app.deploy({**page(1), "large.bin": os.urandom(6_000_000)})
    (bundle,) = obstore.list(shared.store, prefix=f"apps/{app.app_id}/bundles").collect()
    content = obstore.get(shared.store, bundle["path"]).bytes()
    obstore.delete(shared.store, bundle["path"])
    there = on(two, app)
    seconds_until(there, 1)
    # A new visitor of a new edge waits for one response of the bucket, not for two.
    assert "page 1" in there.visit().text
    assert there.visit("/large.bin").status_code == 503
    # The object is restored for the next test.
    obstore.put(shared.store, bundle["path"], content)


def test_a_hanging_store_delays_only_requests_that_need_it(shared: Shared) -> None:
    one = shared.cluster.machines[0]
    app = RunningApp.create(one)
    for number in (1, 2):
        app.deploy(page(number))
    seconds_until(app, 2)
    asks: list[tuple[str, str, object]] = [
        ("GET", "/versions/1", None),
        ("GET", "/versions/1/diff/2", None),
        ("GET", "/versions/1/download", None),
        ("POST", "/versions/1/restore", {}),
    ]

    def ask(method: str, path: str, body: object) -> httpx.Response:
        with one.client() as client:
            return client.request(method, app.path + path, json=body)

    shared.bucket.hangs = True
    try:
        # There are more requests than the api has connections to the database.
        with ThreadPoolExecutor(24) as pool:
            waiting = [pool.submit(ask, *asks[n % 4]) for n in range(24)]
            ready = one.private("api", "/readyz")
            assert (ready.status_code, ready.json()["database"]) == (503, "ok")
            assert ready.json()["objects"] != "ok"
            assert not any(request.done() for request in waiting)
            # These requests all wait, and all other requests continue.
            assert app.client.get("/v1/apps").status_code == 200
            assert app.client.patch(app.path, json={"meta": {"title": "new"}}).status_code == 200
            assert "page 2" in app.visit().text
            shared.bucket.hangs = False
            assert {request.result().status_code for request in waiting} <= {200, 503}
    finally:
        shared.bucket.hangs = False
    assert app.client.get(f"{app.path}/versions/1").status_code == 200
