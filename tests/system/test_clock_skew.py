"""Two machines with clocks an hour apart: the database decides the order of events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from glob import glob

import psycopg
import pytest

from testbed.running import RunningApp, zip_of
from tests.system.cluster import ROLES
from tests.system.conftest import Shared
from tests.system.test_edges import restore
from tests.system.test_machines import on, page, seconds_until

AHEAD = 1
"""The machine with the wrong clock."""


@pytest.fixture(scope="module")
def ahead(shared: Shared) -> Iterator[dict[str, str]]:
    """Makes the second machine's clock an hour ahead of the first machine and of the database. Yields the variables of
    the processes."""
    libraries = glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not libraries:
        pytest.skip("libfaketime is not installed (Debian's package `faketime`)")
    environment = {"LD_PRELOAD": libraries[0], "FAKETIME": "+1h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    shared.cluster.look_after()
    try:
        for role in ROLES:
            shared.cluster.kill(AHEAD, role)
            shared.cluster.start(AHEAD, role, **environment)
        shared.cluster.wait_until_ready()
        yield environment
    finally:
        for role in ROLES:
            shared.cluster.kill(AHEAD, role)
        shared.cluster.look_after()
        shared.cluster.wait_until_ready()


@pytest.mark.usefixtures("ahead")
def test_deploys_keep_their_order_and_pointers_move_as_they_were_asked_to(shared: Shared) -> None:
    one, two = shared.cluster.machines
    app = RunningApp.create(one)
    there = on(two, app)
    assert app.deploy({**page(1), "assets/index-4f2a9c1b.js": "let one = 1;"})["version"] == 1
    key = app.upload(zip_of(page(2)))
    ids = [(app if n % 2 else there).order(key) for n in range(8)]
    assert [app.wait(deploy_id)["version"] for deploy_id in ids] == list(range(2, 10))
    for machine in (app, there):
        seconds_until(machine, 9)
        # A tab still shows the first version's page.
        assert machine.visit("/assets/index-4f2a9c1b.js").text == "let one = 1;"
    for number, (asked, seen) in enumerate(((app, there), (there, app)), 4):
        restore(asked, number)
        assert asked.visit().headers["x-easel-version"] == str(number)
        seconds_until(seen, number)
    assert there.wait(there.order(key))["outcome"] == "moved"
    seconds_until(app, 10)


def test_a_retry_does_not_wait_for_an_hour(shared: Shared, ahead: dict[str, str]) -> None:
    cluster = shared.cluster
    app = RunningApp.create(cluster.machines[0])
    key = app.upload(zip_of(page(1)))
    for number in range(len(cluster.machines)):
        cluster.kill(number, "worker")
    deploy_id = app.order(key)
    shared.bucket.refuse()
    try:
        cluster.start(AHEAD, "worker", **ahead)
        with psycopg.connect(shared.direct_url, autocommit=True) as connection:
            query = "select from procrastinate_jobs where lock = %s and status = 'todo' and attempts > 0"
            deadline = time.monotonic() + 60
            while not connection.execute(query, (app.app_id,)).fetchall():
                assert time.monotonic() < deadline, "the worker did not meet the trouble"
                time.sleep(0.02)
    finally:
        shared.bucket.mend()
    assert app.wait(deploy_id)["version"] == 1
    cluster.look_after()
