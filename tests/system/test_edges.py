"""Edges on several machines: the time until they serve a change, and their behaviour without notifications."""

from __future__ import annotations

import io
import os
import secrets
import statistics
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import psycopg
import pytest

from easel.edge.routing.saved_routes import SavedRoutes
from easel.storage.object_names import hash_in
from testbed.running import METRICS_ABOVE, Platform, RunningApp, free_port
from testbed.waiting import until
from tests.system.cluster import Machine
from tests.system.conftest import Shared
from tests.system.test_machines import on, page, seconds_until
from tests.system.test_metrics import metrics
from tests.system.test_starting import easel

LARGE = os.urandom(300_000)
SOON = 0.25
"""Seconds within which every edge serves a moved pointer, if notifications arrive."""
STALE_AT_MOST = 5.0
"""Seconds after which no edge serves the older version, if no notification arrives."""


@pytest.fixture
def app(shared: Shared) -> RunningApp:
    """Returns an app with two versions, the second of which every edge serves."""
    shared.cluster.look_after()
    made = RunningApp.create(shared.cluster.machines[0])
    for number in (1, 2):
        assert made.deploy({**page(number), "large.bin": LARGE})["status"] == "complete"
    for machine in shared.cluster.machines:
        seconds_until(on(machine, made), 2)
    return made


def restore(app: RunningApp, version: int) -> None:
    assert app.client.post(f"{app.path}/versions/{version}/restore", json={}).status_code == 200


def readiness(machine: Machine) -> tuple[int, dict[str, str]]:
    public = health(machine)
    answer = machine.private("edge", "/readyz")
    assert public.status_code == answer.status_code
    return answer.status_code, answer.json()


def health(machine: Machine) -> httpx.Response:
    """Returns the response to a health check. A load balancer considers an edge dead if the response takes two seconds.
    A busy machine may need that time too, but not several times in a row."""
    for _ in range(9):
        with suppress(httpx.TimeoutException):
            return httpx.get(f"http://127.0.0.1:{machine.edge_port}/readyz", trust_env=False, timeout=2)
    raise AssertionError("the edge passes for dead")


def hindrance(app: RunningApp) -> float:
    """Returns the seconds by which the machine's other work may delay a change, measured as the time of many visits. On
    an idle machine, the result is nearly 0."""
    times = []
    for _ in range(10):
        began = time.monotonic()
        app.visit()
        times.append(time.monotonic() - began)
    return 20 * statistics.median(times)


def until_kept(shared: Shared, machine: Platform, app: RunningApp, *, visited: bool = True) -> None:
    """Waits until the machine's disk has the app's route and the manifests of all visited versions, which are saved
    after the first visitor is served."""
    with psycopg.connect(shared.direct_url) as connection:
        keys = connection.execute("select manifest_key from version where app_id = %s", (app.app_id,)).fetchall()
    folder = machine.data_dir / "edge"
    manifests = [folder / "manifests" / hash_in(key) for (key,) in keys if visited]
    kept = SavedRoutes(folder, machine.environment["EASEL_DATABASE_URL"])
    deadline = time.monotonic() + 60
    while True:
        route = (kept.load() or {}).get(app.app_id)
        if route is not None and route.environments and all(manifest.exists() for manifest in manifests):
            return
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def both_gone(shared: Shared) -> Iterator[None]:
    shared.database.cut()
    shared.bucket.cut()
    try:
        yield
    finally:
        shared.database.mend()
        shared.bucket.mend()


def test_a_moved_pointer_is_served_by_another_machines_edge_almost_at_once(shared: Shared, app: RunningApp) -> None:
    there = on(shared.cluster.machines[1], app)
    took = []
    for number in range(10):
        restore(app, number % 2 + 1)
        took.append(seconds_until(there, number % 2 + 1))
    assert statistics.median(took) <= max(SOON, hindrance(there))


def test_a_moved_pointer_is_served_everywhere_in_time_when_no_notification_arrives(
    shared: Shared, app: RunningApp
) -> None:
    there = on(shared.cluster.machines[1], app)
    lost = shared.database.lost
    shared.database.drops_notifications = True
    try:
        for number in (1, 2):
            restore(app, number)
            assert app.visit().headers["x-easel-version"] == str(number)
            assert seconds_until(there, number) <= STALE_AT_MOST + hindrance(there)
    finally:
        shared.database.mend()
    assert shared.database.lost > lost


def test_an_edge_without_database_and_store_serves_its_cache_and_reports_this_and_catches_up(
    shared: Shared, app: RunningApp
) -> None:
    two = shared.cluster.machines[1]
    there = on(two, app)
    with both_gone(shared):
        known = {"status": "serving from the routes in memory", "database": "no response", "objects": "no response"}

        def says_so() -> bool:
            assert there.visit().headers["x-easel-version"] == "2"
            return readiness(two) == (200, known)

        until(says_so, lambda: readiness(two))
        told = metrics(two.edge_port + METRICS_ABOVE)
        assert (told["easel_edge_fresh"], told["easel_edge_store_up"]) == (0, 0)
        # Another user, who can reach the database, moves the pointer.
        with psycopg.connect(shared.direct_url, autocommit=True) as connection:
            connection.execute(
                "select easel_move_pointer(id, org_id, 'production', 1, 'restore', 'somebody', 0, null, null)"
                " from app where id = %s",
                (app.app_id,),
            )
        for _ in range(10):
            assert there.visit().headers["x-easel-version"] == "2"
    seconds_until(there, 1)
    until(lambda: readiness(two) == (200, {"status": "ok"}), lambda: readiness(two))
    told = metrics(two.edge_port + METRICS_ABOVE)
    assert (told["easel_edge_fresh"], told["easel_edge_store_up"]) == (1, 1)


def test_an_edge_that_is_killed_during_an_outage_of_database_and_store_serves_its_cache(
    shared: Shared, app: RunningApp
) -> None:
    one, two = shared.cluster.machines
    there = on(two, app)
    seen = there.visit().text
    asset = there.visit("/large.bin").content
    # A hash has letters and digits. The edge would not search the previous version for a name with only a number.
    nothing = f"/nothing-{secrets.token_hex(4)}a1.js"
    # The file may have been in the previous version.
    assert there.visit(nothing).status_code == 404
    never = RunningApp.create(one)
    never.deploy(page(1))
    until_kept(shared, two, app)
    # Nobody visits the app at this edge, so only its route is saved.
    until_kept(shared, two, never, visited=False)
    with both_gone(shared):
        for _ in range(2):
            shared.cluster.kill(1, "edge")
            shared.cluster.start(1, "edge")
            shared.cluster.wait_until_answers(1, "edge")
            status, told = readiness(two)
            assert (status, told["status"], told["database"]) == (
                200,
                "serving from the routes in memory",
                "no response",
            )
            assert there.visit().headers["x-easel-version"] == "2"
            assert there.visit().text == seen
            assert there.visit("/large.bin").content == asset
            assert there.visit(nothing).status_code == 404
            assert on(two, never).visit().status_code == 503
            assert two.visit("no-such-app").status_code == 404
        assert metrics(two.edge_port + METRICS_ABOVE)["easel_edge_fresh"] == 0
        with psycopg.connect(shared.direct_url, autocommit=True) as connection:
            connection.execute(
                "select easel_move_pointer(id, org_id, 'production', 1, 'restore', 'somebody', 0, null, null)"
                " from app where id = %s",
                (app.app_id,),
            )
    seconds_until(there, 1)
    deadline = time.monotonic() + 10
    while readiness(two) != (200, {"status": "ok"}):
        assert time.monotonic() < deadline, readiness(two)
    assert on(two, never).visit().status_code == 200


def test_an_edge_that_was_away_for_too_long_does_not_start_without_the_database(
    shared: Shared, app: RunningApp
) -> None:
    two = shared.cluster.machines[1]
    seconds_until(on(two, app), 2)
    with both_gone(shared):
        environment = {"EASEL_EDGE_PORT": str(free_port()), "EASEL_EDGE_ROUTES_KEPT": "0"}
        done = easel("edge", folder=two.data_dir.parent, **{**two.environment, **environment})
    assert done.returncode != 0
    assert "The database is unavailable" in done.stderr


def test_a_failed_fetch_does_not_evict_cached_content(shared: Shared) -> None:
    one, two = shared.cluster.machines
    app = RunningApp.create(one)
    # The members are stored, so that each member is in separate blocks, and too large for a response in memory.
    site = io.BytesIO()
    with zipfile.ZipFile(site, "w") as archive:
        archive.writestr("index.html", "<!doctype html>")
        for name in ("here.bin", "between.bin", "not-here.bin"):
            archive.writestr(name, os.urandom(3_000_000))
    app.deploy(site.getvalue())
    there = on(two, app)
    seconds_until(there, 1)
    here = there.visit("/here.bin").content
    with both_gone(shared):
        assert there.visit("/not-here.bin").status_code == 503
        again = there.visit("/here.bin")
        assert (again.status_code, again.content) == (200, here)


def test_a_full_disk_does_not_affect_an_edges_visitors(shared: Shared, app: RunningApp) -> None:
    if shared.disk is None:
        pytest.skip("a small disk cannot be mounted here (it takes root)")
    files: dict[str, str | bytes] = {**page(3), "large.bin": os.urandom(6_000_000), "small.bin": os.urandom(100_000)}
    assert app.deploy(files)["status"] == "complete"
    there = on(shared.cluster.machines[1], app)
    shared.disk.fill()
    try:
        seconds_until(there, 3)
        for _ in range(2):
            assert there.visit("/large.bin").content == files["large.bin"]
            assert there.visit("/small.bin").content == files["small.bin"]
        part = there.visit("/large.bin", Range="bytes=5000000-5000009")
        assert (part.status_code, part.content) == (206, files["large.bin"][5_000_000:5_000_010])
    finally:
        shared.disk.free()
    assert there.visit("/large.bin").content == files["large.bin"]
