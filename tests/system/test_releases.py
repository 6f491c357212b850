"""A rolling upgrade: workers of the previous release run at the same time as workers of this release, and each finishes
the other's deploys."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from testbed.forking import Forked
from testbed.running import RunningApp, free_port, zip_of
from tests.system.cluster import Machine, answers
from tests.system.conftest import Shared

RELEASES = Path(__file__).parents[1] / "data" / "releases"
FIRST, LATEST = RELEASES / "easel-0.1.0-py3-none-any.whl", RELEASES / "easel-0.2.0.dev15-py3-none-any.whl"
EACH = 4
"""Deploys of each app."""


class Upgrade:
    """An installation during an upgrade: machines of both releases, on one database and one bucket."""

    def __init__(self, folder: Path, shared: Shared, url: str, release: Path) -> None:
        self.url = url
        zipfile.ZipFile(release).extractall(folder / "before")
        given = {
            **shared.cluster.machines[0].environment,
            "EASEL_DATABASE_URL": url,
            "EASEL_OBJECTS_URL": "s3://easel/releases",
            # With these settings, a killed worker counts as dead sooner than usual.
            "EASEL_HEARTBEAT": "0.3",
            "EASEL_STALLED_AFTER": "1.5",
        }
        self._given, self._folder = given, folder
        self.before = self._machine("before", PYTHONPATH=str(folder / "before"))
        self.now = self._machine("now")
        self.now.forked = True
        self.processes: list[subprocess.Popen[bytes] | Forked] = []

    def _machine(self, name: str, **environment: str) -> Machine:
        (self._folder / "data").mkdir(exist_ok=True)
        ports = {"EASEL_API_PORT": str(free_port()), "EASEL_EDGE_PORT": str(free_port())}
        own = {**self._given, **ports, **environment}
        return Machine(self._folder / "data" / name, int(ports["EASEL_API_PORT"]), int(ports["EASEL_EDGE_PORT"]), own)

    def begin(self, machine: Machine, role: str) -> subprocess.Popen[bytes] | Forked:
        process = machine.launch(role)
        self.processes.append(process)
        return process

    def finish(self, machine: Machine, command: str) -> int:
        return self.begin(machine, command).wait(180)

    def serve(self, machine: Machine, role: str = "api") -> Machine:
        self.begin(machine, role)
        while not answers(machine.api_port if role == "api" else machine.edge_port):
            time.sleep(0.05)
        return machine

    def found(self) -> None:
        """Creates the database and an organisation, as the previous release does."""
        assert self.finish(self.before, "migrate") == 0
        key = self.before.organisation("Both")
        self.before.environment["KEY"] = self.now.environment["KEY"] = key

    def kill_while_it_works(self, worker: subprocess.Popen[bytes] | Forked) -> None:
        """Kills the worker after it has begun a deploy, and before the deploy has ended."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            while connection.execute("select 1 from deploy where status = 'building'").fetchone() is None:
                assert worker.poll() is None
        worker.kill()
        worker.wait()


@pytest.fixture
def upgrade(shared: Shared, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Upgrade]:
    with psycopg.connect(shared.direct_url, autocommit=True) as connection:
        connection.execute("create database releases")
    made = Upgrade(tmp_path, shared, shared.direct_url.replace("/postgres?", "/releases?"), request.param)
    yield made
    for process in made.processes:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
    with psycopg.connect(shared.direct_url, autocommit=True) as connection:
        connection.execute("drop database releases (force)")


@pytest.mark.parametrize("upgrade", [FIRST], ids=["0.1.0"], indirect=True)
def test_workers_of_two_releases_finish_what_each_began(upgrade: Upgrade) -> None:
    before, now = upgrade.before, upgrade.now
    upgrade.found()
    upgrade.serve(before)
    apps = [RunningApp.create(before) for _ in range(3)]
    uploaded = [
        app.upload(zip_of({"index.html": "<!doctype html>", "large.bin": os.urandom(3_000_000)})) for app in apps
    ]
    ordered: list[list[str]] = [[] for _ in apps]

    def order(machine: Machine) -> None:
        def of(number: int) -> None:
            app = RunningApp(machine, machine.client(), apps[number].app_id, apps[number].slug)
            ordered[number] += [app.order(uploaded[number]) for _ in range(EACH)]

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(of, range(3)))

    def all_end() -> None:
        for app, deploys in zip(apps, ordered, strict=True):
            ended = [app.wait(deploy) for deploy in deploys]
            assert [deploy["status"] for deploy in ended] == ["complete"] * len(deploys), ended
            assert [deploy["version"] for deploy in ended] == list(range(1, len(deploys) + 1))

    # One of the old workers is frozen until the new workers have run deploys.
    aside = upgrade.begin(before, "worker")
    _is_registered(upgrade, 2)
    aside.send_signal(signal.SIGSTOP)
    first = upgrade.begin(before, "worker")
    order(before)
    upgrade.kill_while_it_works(first)
    assert upgrade.finish(now, "migrate") == 0
    second = upgrade.begin(now, "worker")
    all_end()

    order(before)
    upgrade.kill_while_it_works(second)
    aside.send_signal(signal.SIGCONT)
    all_end()

    upgrade.begin(now, "worker")
    upgrade.serve(now)
    order(now)
    order(before)
    all_end()

    # The old worker, which still runs, ignores the built deploy, because it does not know builds.
    upgrade.begin(now, "builder")
    app = RunningApp(now, now.client(), apps[0].app_id, apps[0].slug)
    project = {"package.json": '{"scripts": {"build": "cp -r src dist"}}', "src/index.html": "<!doctype html>built"}
    built = app.deploy(zip_of(project), build=True, build_config={"install": "", "output": "dist"})
    assert (built["status"], built["version"]) == ("complete", len(ordered[0]) + 1), built

    # Running processes continue, but no process of the old release can be started any more.
    assert upgrade.finish(before, "worker") != 0
    assert "Install the newer Easel" in before.log.read_text()


@pytest.mark.parametrize("upgrade", [LATEST], ids=["0.2.0.dev15"], indirect=True)
def test_visitors_get_what_is_published_whichever_release_published_it(upgrade: Upgrade) -> None:
    before, now = upgrade.before, upgrade.now
    upgrade.found()
    upgrade.serve(before)
    upgrade.begin(before, "worker")
    app = RunningApp.create(before, build_config={"env_vars": {"SAID": "first"}})
    app.deploy({"index.html": "<!doctype html><head></head>one"})
    upgrade.serve(before, "edge")
    assert upgrade.finish(now, "migrate") == 0
    upgrade.serve(now, "edge")
    again = RunningApp(now, now.client(), app.app_id, app.slug)

    def both_show(*texts: str) -> None:
        deadline = time.monotonic() + 60
        for at in (app, again):
            while not all(text in at.visit().text for text in texts):
                assert time.monotonic() < deadline, (texts, at.visit().text, at.platform.log.read_text()[-2000:])
                time.sleep(0.02)

    both_show('"SAID":"first"', "one")
    # First a process of the previous release publishes and deploys, and then this release does the same.
    app.client.patch(app.path, json={"build_config": {"env_vars": {"SAID": "second"}}, "publish": True})
    both_show('"SAID":"second"', "one")
    app.deploy({"index.html": "<!doctype html><head></head>two"})
    both_show('"SAID":"second"', "two")
    upgrade.serve(now)
    again.client.patch(app.path, json={"build_config": {"env_vars": {"SAID": "third"}}, "publish": True})
    both_show('"SAID":"third"', "two")


def _is_registered(upgrade: Upgrade, workers: int) -> None:
    with psycopg.connect(upgrade.url, autocommit=True) as connection:
        while connection.execute("select count(*) from procrastinate_workers").fetchone() != (workers,):
            time.sleep(0.02)
