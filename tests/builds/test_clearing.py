"""Clearing an app's build cache."""

from __future__ import annotations

from testbed.running import RunningApp


def test_a_cleared_build_cache_is_cleared_for_its_app_alone(app: RunningApp) -> None:
    other = RunningApp.create(app.platform)
    cleared = app.client.delete(f"{app.path}/build-cache")
    assert (cleared.status_code, cleared.json()["app_id"], cleared.json()["success"]) == (200, app.app_id, True)
    assert app.client.delete("/v1/apps/app_none/build-cache").status_code == 404
    assert app.client.get(other.path).status_code == 200
