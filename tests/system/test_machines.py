"""Easel on two machines: each with an api, a worker and an edge of its own, sharing PostgreSQL and a bucket alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from bench.running import Platform, RunningApp, free_port, zip_of
from bench.stores import moto
from easel.storage.embedded import EmbeddedPostgres

STALE_AT_MOST = 5.0
"""Seconds after which no edge anywhere serves the older version. Where notifications arrive it is far less."""


class Machine(Platform):
    """A machine whose roles are started one by one, as an operator does."""

    def begin(self, role: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "easel.cli.main", role, "--data-dir", str(self.data_dir)]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **self.environment})

    @property
    def api_key(self) -> str:
        return self.environment["KEY"]


class Cluster:
    """The machines, and their processes by machine and role."""

    def __init__(self, machines: list[Machine]) -> None:
        self.machines = machines
        self.processes: dict[tuple[int, str], subprocess.Popen[bytes]] = {}

    def start(self, number: int, role: str) -> None:
        self.processes[number, role] = self.machines[number].begin(role)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        for machine in self.machines:
            for port in (machine.api_port, machine.edge_port):
                while not answers(port):
                    assert time.monotonic() < deadline, machine.log.read_text()[-3000:]
                    time.sleep(0.05)

    def kill(self, number: int, role: str) -> None:
        process = self.processes[number, role]
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    return False


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("machines")
    server = EmbeddedPostgres(folder / "shared" / "postgres")
    with moto() as bucket:
        shared = {
            **bucket.environment("cluster"),
            "EASEL_DATABASE_URL": server.start(),
            "EASEL_SECRET_KEY": "the same on every machine",
        }
        machines = []
        for name in ("one", "two"):
            ports = {"EASEL_API_PORT": str(free_port()), "EASEL_EDGE_PORT": str(free_port())}
            own = {**shared, **ports, "EASEL_EDGE_PUBLIC_PORT": "8080"}
            machines.append(
                Machine(folder / name / "data", int(ports["EASEL_API_PORT"]), int(ports["EASEL_EDGE_PORT"]), own)
            )
            machines[-1].data_dir.parent.mkdir()
        made = Cluster(machines)
        # All at once: one of them does it, the others wait.
        for done in [machine.begin("migrate") for machine in machines]:
            assert done.wait(60) == 0
        key = subprocess.run(
            [sys.executable, "-m", "easel.cli.main", "organisation", "Shared"],
            env={**os.environ, **shared},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for number, machine in enumerate(machines):
            machine.environment["KEY"] = key
            for role in ("api", "worker", "edge"):
                made.start(number, role)
        try:
            made.wait_until_ready()
            yield made
        finally:
            for process in made.processes.values():
                process.terminate()
            for process in made.processes.values():
                process.wait(60)
            server.stop()


def page(number: int) -> dict[str, str]:
    return {"index.html": f"<!doctype html><title>page {number}</title>"}


def on(machine: Machine, app: RunningApp) -> RunningApp:
    """The same app, seen from another machine."""
    return RunningApp(machine, machine.client(), app.app_id, app.slug)


def seconds_until(app: RunningApp, version: int) -> float:
    """How long the edge takes to serve the version; every answer until then is a good one."""
    began = time.monotonic()
    while True:
        seen = app.visit()
        assert seen.status_code == 200
        if seen.headers["x-easel-version"] == str(version):
            return time.monotonic() - began
        assert time.monotonic() - began < STALE_AT_MOST, "an older version is still served"


def test_a_change_on_one_machine_is_served_on_the_other(cluster: Cluster) -> None:
    one, two = cluster.machines
    app = RunningApp.create(one)
    there = on(two, app)
    for number in (1, 2):
        assert app.deploy(page(number))["status"] == "complete"
    seconds_until(there, 2)
    for version in (1, 2, 1):
        there.client.post(f"{there.path}/versions/{version}/restore", json={})
        # At once on the machine that answered, soon on the other.
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


def test_a_worker_that_dies_or_freezes_is_replaced_by_the_other(cluster: Cluster) -> None:
    one, _ = cluster.machines
    apps = [RunningApp.create(one) for _ in range(6)]
    keys = [app.upload(zip_of(page(1))) for app in apps]

    def order_ten(number: int) -> list[str]:
        return [apps[number].order(keys[number]) for _ in range(10)]

    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(order_ten, range(6)))
    cluster.kill(0, "worker")
    frozen = cluster.processes[1, "worker"]
    cluster.start(0, "worker")
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        ended = [[app.wait(deploy_id) for deploy_id in mine] for app, mine in zip(apps, ids, strict=True)]
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    for mine in ended:
        assert [deploy["status"] for deploy in mine] == ["complete"] * 10
        assert [deploy["version"] for deploy in mine] == list(range(1, 11))
    for app in apps:
        versions = app.client.get(f"{app.path}/versions").json()
        assert versions["total"] == 10
        seconds_until(app, 10)


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
