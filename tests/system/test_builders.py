"""The builder of a single machine. It runs while there is something to build, and ends a while later."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.running import Platform, RunningApp, make_platform, zip_of
from testbed.waiting import until
from tests.system.test_survival import child_or_none

_HOLD = """
create function hold() returns trigger language plpgsql as
    'begin perform pg_advisory_xact_lock(7); return old; end';
create trigger hold before delete on procrastinate_workers for each row execute function hold();
"""


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Yields a platform whose builder ends soon."""
    platform = make_platform(
        tmp_path_factory.mktemp("builders"),
        EASEL_BUILDS="unsandboxed",
        EASEL_BUILDER_IDLE="0.5",
        EASEL_HEARTBEAT="0.2",
        EASEL_STALLED_AFTER="1",
    )
    platform.start()
    yield platform
    platform.stop()


def order(app: RunningApp, command: str = "cp -r src dist") -> str:
    """Requests a deploy whose sources are built by the command."""
    upload = app.upload(zip_of({"README": "built", "src/index.html": "<!doctype html>built"}))
    return app.order(upload, build=True, build_config={"build": command, "output": "dist"})


def test_a_builder_starts_for_a_build_and_ends_when_it_is_idle(builds: Platform) -> None:
    app = RunningApp.create(builds)
    for version in (1, 2):
        until(lambda: child_or_none(builds, "builder") is None)
        status = app.wait(order(app))
        assert (status["status"], status["version"]) == ("complete", version), status["error"]
    assert "builder ended" not in builds.log.read_text()


def test_a_build_that_is_requested_while_the_builder_ends_is_built(builds: Platform) -> None:
    app = RunningApp.create(builds)
    with builds.database() as connection:
        # At its end, a builder removes its registration. This statement holds it at that moment.
        connection.execute(_HOLD)
        connection.execute("select pg_advisory_lock(7)")
        status = app.wait(order(app))
        assert status["status"] == "complete", status["error"]
        held = "select 1 from pg_locks where locktype = 'advisory' and not granted"
        until(lambda: connection.execute(held).fetchone())
        deploy = order(app)
        connection.execute("select pg_advisory_unlock(7)")
    status = app.wait(deploy)
    assert status["status"] == "complete", status["error"]


def test_the_build_of_a_builder_that_was_killed_is_built_by_the_next(builds: Platform, tmp_path: Path) -> None:
    app = RunningApp.create(builds)
    begun, killed = tmp_path / "begun", tmp_path / "killed"
    tmp_path.chmod(0o777)
    deploy = order(app, f"touch {begun}; test -e {killed} || sleep 3600; cp -r src dist")
    until(begun.exists)
    killed.touch()
    builder = child_or_none(builds, "builder")
    assert builder is not None
    os.kill(builder, signal.SIGKILL)
    status = app.wait(deploy)
    assert status["status"] == "complete", status["error"]
