"""A data folder from an earlier PostgreSQL is upgraded at the start, with all its data."""

from __future__ import annotations

import signal
from pathlib import Path

from testbed.running import RunningApp, make_platform


def test_a_data_folder_of_postgresql_16_is_upgraded_also_after_a_kill(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, PGSERVER_POSTGRES_VERSION="16")
    platform.start()
    app = RunningApp.create(platform)
    for number in (1, 2, 3):
        app.deploy({"index.html": f"<!doctype html>page {number}"})
    app.client.post(f"{app.path}/versions/2/restore", json={})
    before = [app.client.get(f"{app.path}/versions/{n}").json() for n in (1, 2, 3)]
    platform.stop(signal.SIGKILL)
    assert (platform.data_dir / "postgres" / "PG_VERSION").read_text().strip() == "16"

    del platform.environment["PGSERVER_POSTGRES_VERSION"]
    platform.start()
    try:
        assert (platform.data_dir / "postgres" / "PG_VERSION").read_text().strip() != "16"
        assert [app.client.get(f"{app.path}/versions/{n}").json() for n in (1, 2, 3)] == before
        assert app.visit().text.endswith("page 2")
        assert app.deploy({"index.html": "<!doctype html>page 4"})["version"] == 4
        assert app.visit().text.endswith("page 4")
    finally:
        platform.stop()
