"""The disk of the only machine is nearly full, is full, and has space again (docs/operations/disaster.md)."""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from easel.cli.errors import ApiError
from easel.cli.output import Output
from easel.cli.shipping.upload import upload
from easel.running.operating import back_up
from easel.settings import Settings
from easel.storage.ballast import LOW
from easel.storage.disk_reserve import DiskReserve, Room
from easel.storage.errors import ReserveReachedError
from testbed.databases import Migrated
from testbed.running import Platform, RunningApp, forked_platform, zip_of
from tests.system.chaos.small_disk import SmallDisk, small_disk
from tests.system.test_machines import page

LARGE = 400 * 1024 * 1024
"""Size of the disk in bytes: enough for an embedded database, and some more."""
RESERVE = 64 * 1024 * 1024
"""Reserve in bytes. A twentieth of so small a disk would be only one segment of PostgreSQL's log."""


@dataclass(frozen=True)
class Machine:
    """A platform with its own disk."""

    platform: Platform
    disk: SmallDisk

    @property
    def room(self) -> Room:
        """Returns the state of the disk: its free bytes, and the bytes to keep free."""
        data = self.platform.data_dir
        return DiskReserve(data, str(RESERVE), data / "ballast").room()

    @property
    def ballast(self) -> int:
        """Returns the bytes reserved for PostgreSQL."""
        return (self.platform.data_dir / "ballast").stat().st_size

    def fill(self) -> None:
        """Fills the disk, and returns once some of the ballast is freed."""
        before = self.ballast
        # All bytes are taken at once, because a writer that continues would also take the freed ballast.
        self.take(self.room.free - 1024 * 1024)
        until(lambda: self.ballast < before)
        # PostgreSQL may have needed the space before the disk was checked.
        until(lambda: self.is_ready)

    @property
    def is_ready(self) -> bool:
        """Returns true if the api's parts are reachable."""
        return httpx.get(f"{self.platform.api_url}/readyz", trust_env=False, timeout=60).status_code == 200

    def free(self) -> None:
        """Frees everything that is not Easel's."""
        self.disk.free()
        self.others.unlink(missing_ok=True)

    @property
    def others(self) -> Path:
        """Returns a file on the disk that is not Easel's."""
        return self.disk.folder / "log-of-another"

    def take(self, count: int) -> None:
        """Takes that many more bytes of the disk."""
        with self.others.open("ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), count)


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def running(migrated: Migrated) -> Iterator[Machine]:
    with (
        tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder,
        small_disk(Path(folder) / "disk", LARGE) as made,
    ):
        if made is None:
            pytest.skip("no disk may be mounted here; run as root")
        platform = forked_platform(made.folder, EASEL_DISK_RESERVE=str(RESERVE))
        # The output is not lost with the disk, because a machine's journal is elsewhere, or has its own reserve.
        platform.log.symlink_to(Path(folder) / "journal")
        migrated.copy_to(platform.data_dir / "postgres")
        platform.start()
        try:
            yield Machine(platform, made)
        finally:
            platform.stop()
            platform.stop_database()


@pytest.fixture
def machine(running: Machine) -> Iterator[Machine]:
    """Yields the machine with free space on its disk and a complete ballast."""
    until(lambda: running.room.kept == RESERVE and running.room.spare > 0)
    yield running
    running.free()


def issue(app: RunningApp) -> str:
    """Returns an upload URL."""
    issued = app.client.post(f"{app.path}/deploy/upload-url", json={"filename": "x.zip"})
    return str(issued.json()["upload_url"])


def put(app: RunningApp, content: bytes) -> httpx.Response:
    """Uploads like any client with an upload URL, and returns the response."""
    headers = {"Content-Type": "application/zip"}
    return httpx.put(issue(app), content=content, headers=headers, trust_env=False, timeout=60)


def restores(app: RunningApp, version: int) -> bool:
    return app.client.post(f"{app.path}/versions/{version}/restore", json={}).status_code == 200


def write_much(platform: Platform) -> None:
    """Makes PostgreSQL begin another segment of its log. Raises psycopg.Error."""
    with platform.database() as connection:
        connection.execute("select pg_logical_emit_message(true, 'test', 'x'), pg_switch_wal()")


def test_a_full_disk_is_reported_visitors_are_served_and_everything_continues_with_free_space(machine: Machine) -> None:
    app = RunningApp.create(machine.platform)
    app.deploy(page(1))
    waiting = app.upload(zip_of(page(2)))
    machine.fill()
    refused = put(app, zip_of(page(3)))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_full")
    failed = app.wait(app.order(waiting))
    assert (failed["status"], failed["error_code"], failed["version"]) == ("failed", "storage_full", None)
    assert "Free some space" in failed["error"]
    assert "page 1" in app.visit().text
    machine.free()
    again = app.wait(app.order(waiting))
    assert (again["status"], again["version"]) == ("complete", 2)
    assert "page 2" in app.visit().text


def test_uploads_leave_the_reserve_free_and_what_is_deleted_makes_room_soon(machine: Machine, tmp_path: Path) -> None:
    platform = machine.platform
    app, other = RunningApp.create(platform), RunningApp.create(platform)
    other.deploy(page(1))
    app.deploy({"index.html": "<!doctype html>large", "large.bin": os.urandom(3_000_000)})
    assert len(app.visit("/large.bin").content) == 3_000_000
    machine.take(machine.room.spare - 25_000_000)
    content = os.urandom(10_000_000)
    while (answer := put(app, content)).status_code == 200:
        pass
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
    error = answer.json()["error"]
    assert (error["code"], error["details"]["reserve"]) == ("storage_full", RESERVE)
    assert 0 <= error["details"]["free"] - RESERVE < len(content)
    assert machine.room.free >= RESERVE
    assert not list((platform.data_dir / "scratch").iterdir())
    # Less than the reserve is free now, and everything that needs no space continues to work.
    machine.take(machine.room.spare + 1024 * 1024)
    assert platform.private("api", "/readyz").json()["disk"] == "low"
    assert put(other, b"small").json()["error"]["code"] == "storage_full"
    large = {"config": {"public_env": {"A": "x" * 100_000}}}
    assert other.client.patch(other.path, json=large).json()["error"]["code"] == "storage_full"
    with pytest.raises(ApiError, match="Free some space"):
        upload(issue(other), io.BytesIO(b"small"), 5, Output(as_json=False))
    settings = Settings(data_dir=platform.data_dir, disk_reserve=str(RESERVE))
    with pytest.raises(ReserveReachedError):
        back_up(settings, str(machine.disk.folder / "backups"), with_keys=False, say=print)
    assert back_up(settings, str(tmp_path), with_keys=False, say=print).objects > 0
    assert restores(other, 1)
    assert app.client.delete(app.path).status_code == 200
    until(lambda: machine.room.spare > len(content))
    assert put(other, content).status_code == 200
    assert other.deploy(page(2))["status"] == "complete"


def test_a_disk_filled_by_other_programs_prevents_no_restore_and_no_deletion(machine: Machine) -> None:
    platform = machine.platform
    app, other = RunningApp.create(platform), RunningApp.create(platform)
    for number in (1, 2):
        app.deploy(page(number))
    whole = machine.ballast
    machine.fill()
    for number in (1, 2):
        until(lambda: machine.ballast == 0 or machine.room.free >= LOW)
        write_much(platform)
        assert restores(app, number)
        assert f"page {number}" in app.visit().text
    assert other.client.delete(other.path).status_code == 200
    assert put(app, b"x").json()["error"]["code"] == "storage_full"
    machine.free()
    until(lambda: machine.ballast == whole)
    assert app.deploy(page(3))["status"] == "complete"


def test_a_database_that_stopped_on_a_full_disk_restarts_once_there_is_space(machine: Machine) -> None:
    platform = machine.platform
    app = RunningApp.create(platform)
    app.deploy(page(1))
    assert "page 1" in app.visit().text
    while machine.ballast or machine.room.free:
        machine.disk.fill()
    # PostgreSQL ends, and is restarted without success as long as the disk is full.
    while "PostgreSQL does not start" not in platform.log.read_text():
        machine.disk.fill()
        with suppress(psycopg.Error):
            write_much(platform)
        time.sleep(0.05)
    assert "page 1" in app.visit().text
    machine.free()
    until(lambda: machine.is_ready)
    assert app.deploy(page(2))["status"] == "complete"
    assert "page 2" in app.visit().text
