"""Two machines whose clocks are an hour apart: what happens, and in which order, is the database's to say."""

from __future__ import annotations

from collections.abc import Iterator
from glob import glob

import pytest

from bench.running import RunningApp, zip_of
from tests.system.cluster import ROLES
from tests.system.conftest import Shared
from tests.system.test_edges import restore
from tests.system.test_machines import on, page, seconds_until

AHEAD = 1
"""The machine whose clock is wrong."""


@pytest.fixture(scope="module")
def ahead(shared: Shared) -> Iterator[dict[str, str]]:
    """The second machine, an hour ahead of the first and of the database. Gives what makes a process run so."""
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
        # The page of the first version is still open somewhere.
        assert machine.visit("/assets/index-4f2a9c1b.js").text == "let one = 1;"
    for number, (asked, seen) in enumerate(((app, there), (there, app)), 4):
        restore(asked, number)
        assert asked.visit().headers["x-easel-version"] == str(number)
        seconds_until(seen, number)
    assert there.wait(there.order(key))["outcome"] == "moved"
    seconds_until(app, 10)
