"""Easel as a whole: started, stopped, killed, started again. Every accepted deploy ends once, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

import httpx

from testbed.running import Platform, RunningApp, zip_of

PAGE = {"index.html": "<!doctype html><title>one</title>"}


def child(platform: Platform, role: str) -> int:
    """Returns the process id of one of the platform's processes."""
    assert platform.process is not None
    found = [pid for pid in offspring(platform.process.pid) if title(pid) == f"easel: {role}"]
    assert found, f"no {role}"
    return found[0]


def offspring(pid: int) -> list[int]:
    """Returns the process ids of a process's descendants."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(other for child in children for other in offspring(child))]


def title(pid: int) -> str:
    """Returns the process's title in `ps`."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()


def child_or_none(platform: Platform, role: str) -> int | None:
    try:
        return child(platform, role)
    except (AssertionError, OSError, IndexError):
        return None


def answers(app: RunningApp) -> bool:
    """Returns true if both api and edge respond."""
    try:
        return app.client.get("/healthz").status_code == 200 and app.visit().status_code == 200
    except httpx.HTTPError:
        return False


def ended_once(app: RunningApp, ids: list[str]) -> list[int]:
    """Returns the versions of these deploys. All deploys are complete, and each has its own version."""
    versions = []
    for deploy_id in ids:
        status = app.wait(deploy_id)
        assert status["status"] == "complete", status
        versions.append(status["version"])
    assert versions == sorted(set(versions))
    return versions


def test_the_first_key_is_kept_where_only_its_owner_can_read_it(platform: Platform) -> None:
    for name in ("api-key", "secret-key"):
        assert stat.S_IMODE((platform.data_dir / name).stat().st_mode) == 0o600
    server = json.loads((platform.data_dir / "server.json").read_text())
    assert server["api_url"] == platform.api_url
    said = platform.log.read_text()
    assert platform.api_key not in said
    assert str(platform.data_dir / "api-key") in said


def test_sigterm_drains_and_what_was_queued_goes_on_after_the_next_start(own: Platform) -> None:
    app = RunningApp.create(own)
    app.deploy(PAGE)
    key = app.upload(zip_of({"index.html": "<!doctype html>two"}))
    ids = [app.order(key) for _ in range(25)]
    assert own.stop() == 0
    own.start()
    assert ended_once(app, ids) == list(range(2, 27))
    assert app.visit().headers["x-easel-version"] == "26"


def test_every_accepted_deploy_ends_once_although_processes_are_killed(own: Platform) -> None:
    app = RunningApp.create(own)
    app.deploy(PAGE)
    key = app.upload(zip_of({"index.html": "<!doctype html>two"}))
    ids = [app.order(key) for _ in range(25)]
    assert own.stop(signal.SIGKILL) == -signal.SIGKILL
    own.start()
    assert ended_once(app, ids) == list(range(2, 27))
    assert app.visit().headers["x-easel-version"] == "26"
    assert list((own.data_dir / "scratch").glob("*.part")) == []


def test_a_killed_worker_is_replaced_and_its_deploys_continue(own: Platform) -> None:
    app = RunningApp.create(own)
    key = app.upload(zip_of(PAGE))
    ids = []
    for _ in range(2):
        ids += [app.order(key) for _ in range(6)]
        os.kill(child(own, "worker"), signal.SIGKILL)
        ended_once(app, ids)
    assert [app.status(i)["version"] for i in ids] == list(range(1, 13))


def test_every_killed_process_is_restarted(own: Platform) -> None:
    app = RunningApp.create(own)
    app.deploy(PAGE)
    for role in ("edge", "api", "forks its processes"):
        before = child(own, role)
        os.kill(before, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while not (child_or_none(own, role) not in (None, before) and answers(app)):
            assert time.monotonic() < deadline, f"the {role} did not come back"
            time.sleep(0.05)
        assert app.visit().headers["x-easel-version"] == "1"


def test_every_role_comes_back_although_the_process_that_forks_is_killed_twice(own: Platform) -> None:
    app = RunningApp.create(own)
    app.deploy(PAGE)
    assert own.process is not None
    os.kill(child(own, "forks its processes"), signal.SIGKILL)
    deadline = time.monotonic() + 60
    killed = None
    while killed is None or not answers(app):
        assert time.monotonic() < deadline, "the roles did not come back"
        for pid in children(own.process.pid) if killed is None else ():
            with suppress(OSError):
                if "easel.running.nursery" in title(pid):
                    os.kill(pid, signal.SIGKILL)
                    killed = pid
        time.sleep(0.005)
    assert app.visit().headers["x-easel-version"] == "1"


def children(pid: int) -> list[int]:
    """Returns the process ids of a process's children."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_an_upload_to_a_killed_api_no_longer_counts(own: Platform) -> None:
    app = RunningApp.create(own)
    issued = app.client.post(f"{app.path}/deploy/upload-url", json={"filename": "a.zip"}).json()["upload_url"]
    with socket.create_connection(("127.0.0.1", own.api_port), timeout=60) as connection:
        target = issued.removeprefix(own.api_url)
        connection.sendall(f"PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegun".encode())
        until_counted(app, 1_000_000)
        os.kill(child(own, "api"), signal.SIGKILL)
        until_counted(app, 0)


def until_counted(app: RunningApp, size: int) -> None:
    """Returns once that many bytes of the organisation's uploads count."""
    deadline = time.monotonic() + 60
    counted = None
    while counted != size:
        assert time.monotonic() < deadline, f"{counted} bytes count"
        with suppress(httpx.HTTPError):
            limits = app.client.get("/v1/limits").json()["limits"]
            counted = next(limit["used"] for limit in limits if limit["name"] == "waiting_upload_bytes")
        time.sleep(0.02)


def test_visitors_are_served_while_the_database_is_gone(own: Platform) -> None:
    app = RunningApp.create(own)
    app.deploy(PAGE)
    assert app.visit().status_code == 200
    own.stop_database()
    for _ in range(20):
        assert app.visit().headers["x-easel-version"] == "1"
    refused = app.client.get(app.path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "service_unavailable")
    own.stop(signal.SIGKILL)
