"""Roles by variable, with one unit file for every machine. An unusable machine reports the reason before it does
anything."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from testbed.running import METRICS_ABOVE, Platform, RunningApp, forked_platform, free_port, zip_of
from tests.system.cluster import ROLES
from tests.system.conftest import Shared
from tests.system.test_edges import both_gone, until_kept
from tests.system.test_machines import on, page, seconds_until
from tests.system.test_starting import easel

APART = {"EASEL_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x", "EASEL_OBJECTS_URL": "s3://easel/x"}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"EASEL_ROLE": "edges"}, "`edges`: write one or more of `api`, `worker`, `builder` and `edge`"),
        ({"EASEL_ROLE": " , "}, "EASEL_ROLE cannot be ` , `"),
        ({"EASEL_ROLE": "edge, worker"}, "EASEL_ROLE makes this machine one of several"),
        ({"EASEL_ROLE": "edge"}, "the same EASEL_DATABASE_URL and EASEL_OBJECTS_URL"),
        ({"EASEL_ROLE": "api,worker,edge", **APART}, "the same EASEL_SECRET_KEY"),
        ({"EASEL_ROLE": "builder", **APART}, "the same EASEL_SECRET_KEY"),
    ],
)
def test_roles_that_cannot_work_are_refused(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    done = easel("serve", folder=tmp_path, **environment)
    assert done.returncode != 0
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_role_runs_on_a_schema_that_is_not_its_own(shared: Shared, tmp_path: Path) -> None:
    with psycopg.connect(shared.direct_url, autocommit=True) as connection:
        connection.execute("create database empty")
    url = shared.direct_url.replace("/postgres?", "/empty?")
    environment = {**shared.cluster.machines[0].environment, "EASEL_DATABASE_URL": url}

    def begin(*command: str) -> str:
        done = easel(*command, "--data-dir", str(tmp_path / command[0]), folder=tmp_path, **environment)
        assert done.returncode != 0
        return done.stderr

    environment |= {"EASEL_ROLE": "api", "EASEL_API_PORT": str(free_port())}
    with ThreadPoolExecutor(5) as pool:
        for said in pool.map(begin, ("api", "worker", "builder", "edge", "serve")):
            assert "The database does not have Easel's schema yet." in said
            assert "Run `easel migrate` first." in said
            assert "Traceback" not in said


@pytest.fixture
def third(shared: Shared, tmp_path: Path) -> Platform:
    """Returns a third machine, for visitors and for deploys, without an api."""
    own = forked_platform(tmp_path)
    kept = {k: v for k, v in shared.cluster.machines[0].environment.items() if "PORT" not in k}
    own.environment |= {**kept, "EASEL_ROLE": "worker,edge"}
    own.edge_port = free_port(1)
    own.environment |= {"EASEL_WORKER_PROCESSES": "2", "EASEL_WORKER_METRICS_PORT": str(free_port(1))}
    own.environment |= {"EASEL_EDGE_PROCESSES": "2"}
    return own


def metrics_of(port: int) -> str:
    """Returns the metrics of a process, once the process is up. A machine reports that it is ready before all processes
    are up."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=60).text
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_machine_runs_the_roles_in_its_variable(shared: Shared, third: Platform) -> None:
    one = shared.cluster.machines[0]
    app = RunningApp.create(one)
    third.start()
    try:
        assert app.deploy(page(1))["status"] == "complete"
        seconds_until(RunningApp(third, app.client, app.app_id, app.slug), 1)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{third.api_url}/healthz", trust_env=False, timeout=60)
        first = int(third.environment["EASEL_WORKER_METRICS_PORT"])
        for port in (first, first + 1):
            assert "easel_deploys_ended_total" in metrics_of(port)
        for port in (third.edge_port + METRICS_ABOVE, third.edge_port + METRICS_ABOVE + 1):
            assert "easel_edge_fresh 1" in metrics_of(port)
    finally:
        assert third.stop() == 0
    assert "Ready, as worker and edge." in third.log.read_text()
    assert not (third.data_dir / "api-key").exists()
    assert on(one, app).visit().status_code == 200


def test_an_edge_machine_that_has_served_before_starts_without_database_and_bucket(
    shared: Shared, third: Platform
) -> None:
    shared.cluster.look_after()
    third.environment["EASEL_ROLE"] = "edge"
    app = RunningApp.create(shared.cluster.machines[0])
    app.deploy(page(1))
    there = RunningApp(third, app.client, app.app_id, app.slug)
    shared.database.cut()
    try:
        with pytest.raises(RuntimeError, match="The database is unavailable"):
            third.start()
    finally:
        shared.database.mend()
    third.start()
    seconds_until(there, 1)
    until_kept(shared, third, app)
    assert third.stop() == 0
    with both_gone(shared):
        third.start()
        assert there.visit().text.startswith("<!doctype html>")
    deadline = time.monotonic() + 60
    while third.private("edge", "/readyz").json() != {"status": "ok"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert third.stop() == 0


def test_visitors_do_not_notice_the_restart_of_a_machine(shared: Shared) -> None:
    """Visitors are behind a proxy, which uses the other machine if one machine does not respond."""
    one, two = shared.cluster.machines
    app = RunningApp.create(one)
    app.deploy(page(1))
    there = on(two, app)
    seconds_until(there, 1)
    key = app.upload(zip_of(page(2)))
    waiting = [app.order(key) for _ in range(10)]
    stop = threading.Event()

    def visit() -> set[int]:
        seen = set()
        while not stop.is_set():
            try:
                seen.add(app.visit().status_code)
            except httpx.TransportError:
                seen.add(there.visit().status_code)
        return seen

    with ThreadPoolExecutor(1) as pool:
        visitor = pool.submit(visit)
        try:
            for role in ROLES:
                shared.cluster.processes[0, role].terminate()
            for role in ROLES:
                assert shared.cluster.processes[0, role].wait(180) in (0, -signal.SIGTERM)
                shared.cluster.start(0, role)
            shared.cluster.wait_until_ready()
        finally:
            stop.set()
    assert visitor.result() == {200}
    ended = [there.wait(deploy_id) for deploy_id in waiting]
    assert [(deploy["status"], deploy["version"]) for deploy in ended] == [("complete", n) for n in range(2, 12)]
    seconds_until(app, 11)
