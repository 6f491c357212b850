"""The disk of the only machine is full, and has room again (docs/operations/disaster.md)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.running import RunningApp, make_platform, zip_of
from tests.system.chaos.small_disk import SmallDisk, small_disk
from tests.system.test_machines import page

LARGE = 400 * 1024 * 1024
"""Bytes: what an embedded database needs, and some more."""


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with (
        tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder,
        small_disk(Path(folder) / "disk", LARGE) as made,
    ):
        if made is None:
            pytest.skip("no disk may be mounted here; run as root")
        yield made


def test_a_full_disk_is_said_visitors_are_served_and_with_room_all_goes_on(disk: SmallDisk) -> None:
    platform = make_platform(disk.folder)
    platform.start()
    try:
        app = RunningApp.create(platform)
        app.deploy(page(1))
        waiting = app.upload(zip_of(page(2)))
        issued = app.client.post(f"{app.path}/deploy/upload-url", json={"filename": "x.zip"}).json()
        disk.fill()
        headers = {"Content-Type": "application/zip"}
        refused = httpx.put(issued["upload_url"], content=zip_of(page(3)), headers=headers, trust_env=False)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_full")
        failed = app.wait(app.order(waiting))
        assert (failed["status"], failed["error_code"], failed["version"]) == ("failed", "storage_full", None)
        assert "free some space" in failed["error"]
        assert "page 1" in app.visit().text
        disk.free()
        again = app.wait(app.order(waiting))
        assert (again["status"], again["version"]) == ("complete", 2)
        assert "page 2" in app.visit().text
    finally:
        platform.stop()
