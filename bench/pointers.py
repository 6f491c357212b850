"""Restore and promote: the api's time, and a check that the next request to the edge gets the changed version."""

from __future__ import annotations

import statistics

from bench.deploys import small_files
from bench.measure import Report, seconds
from testbed.running import Platform, RunningApp

ROUNDS = 100


def run(report: Report, platform: Platform) -> None:
    """Measures pointer moves."""
    app = RunningApp.create(platform)
    for number in range(4):
        app.deploy(small_files(number), environment="staging" if number % 2 else "production")
    restores, promotes = [], []
    for number in range(ROUNDS):
        version = 1 + number % 4
        restores.append(seconds(lambda v=version: _post(app, f"/versions/{v}/restore", {})))  # type: ignore[misc]
        assert app.visit().headers["x-easel-version"] == str(version)
    for number in range(ROUNDS):
        version = 1 + number % 4
        _post(app, f"/versions/{version}/restore", {"environment": "staging"})
        promotes.append(seconds(lambda: _post(app, "/promote", None)))
        assert app.visit().headers["x-easel-version"] == str(version)
    report.add("restore, api median", statistics.median(restores) * 1000, "ms", at_most=10)
    report.add("promote, api median", statistics.median(promotes) * 1000, "ms", at_most=10)


def _post(app: RunningApp, path: str, body: dict[str, str] | None) -> None:
    answer = app.client.post(app.path + path, json=body)
    assert answer.status_code == 200, answer.text
