"""Deploys: the large bundle compared with `unzip` of the same file, and small bundles one by one and all at once.

The client of a large deploy follows the deploy's log, as `easel deploy` does. If the client polled the status every few
milliseconds, it would take a quarter of the processor time of a machine with two cores. `unzip` has no such observer.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.measure import Report, seconds
from testbed.large_bundle import LargeBundleUnavailable, changed_bundle, large_bundle
from testbed.running import Platform, RunningApp

CACHE = Path(__file__).parents[1] / ".cache"
ROUNDS = 9
"""Number of pairs. One disturbed second of the machine falls into one pair, and does not move the median."""


def run(report: Report, platform: Platform) -> None:
    """Measures deploys. The large deploys come last, because they leave minutes of background work."""
    _small(report, platform)
    _rate(report, platform)
    platform.settle()
    _large(report, platform)


def _large(report: Report, platform: Platform) -> None:
    name = "deploy the large bundle / unzip -q of it"
    if shutil.which("unzip") is None:
        report.skip(name, "unzip is not installed")
        return
    try:
        large = large_bundle(CACHE)
    except LargeBundleUnavailable as error:
        report.fail(name, str(error))
        return
    changed = changed_bundle(large, CACHE)
    for title, files in (("cold", [large]), ("again with one file changed", [changed, large])):
        ratios, ours, theirs = [], [], []
        app = RunningApp.create(platform)
        if title != "cold":
            app.deploy(large)
        for number in range(ROUNDS):
            if title == "cold":
                app = RunningApp.create(platform)
            key = app.upload(files[number % len(files)])
            unzip = _unzip(files[number % len(files)])
            deploy = seconds(lambda key=key, app=app: _followed_until_live(app, key))  # type: ignore[misc]
            ratios.append(deploy / unzip)
            ours.append(deploy)
            theirs.append(unzip)
        report.add(
            f"deploy the large bundle, {title} / unzip -q",
            statistics.median(ratios),
            "ratio",
            at_most=0.5,
            deploy_s=statistics.median(ours),
            unzip_s=statistics.median(theirs),
            lowest=min(ratios),
            highest=max(ratios),
        )


def _followed_until_live(app: RunningApp, key: str) -> None:
    """Waits as `deploy_until_live` does, but follows the deploy's log in place of polling."""
    deploy_id = app.order(key)
    with app.client.stream("GET", f"{app.path}/deploys/{deploy_id}/logs/stream") as log:
        for _ in log.iter_raw():
            pass
    _assert_live(app, app.wait(deploy_id))


def deploy_until_live(app: RunningApp, key: str) -> None:
    """Waits from POST …/deploy until the new address serves the new version."""
    deploy_id = app.order(key)
    while (status := app.status(deploy_id))["status"] not in ("complete", "failed"):
        time.sleep(0.005)
    _assert_live(app, status)


def _assert_live(app: RunningApp, status: dict[str, Any]) -> None:
    assert status["status"] == "complete", status
    answer = app.visit()
    assert answer.headers["x-easel-version"] == str(status["version"]), answer.headers


def _unzip(path: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return seconds(lambda: subprocess.run(["unzip", "-q", str(path), "-d", folder], check=True))


def small_files(number: int) -> dict[str, str]:
    """Returns a ten-file app."""
    files = {"index.html": f"<!doctype html><title>{number}</title><script src='/a0.js'></script>"}
    return files | {f"a{n}.js": f"console.log({number}, {n});\n" * 60 for n in range(9)}


def _small(report: Report, platform: Platform) -> None:
    app = RunningApp.create(platform)
    times = []
    for number in range(40):
        key = app.upload(_zip(number))
        times.append(seconds(lambda key=key: deploy_until_live(app, key)))  # type: ignore[misc]
    report.add(
        "small deploy, POST to live, median",
        statistics.median(times) * 1000,
        "ms",
        at_most=150,
        p95_ms=sorted(times)[int(len(times) * 0.95)] * 1000,
    )


def _zip(number: int) -> bytes:
    from testbed.running import zip_of

    return zip_of(small_files(number))


def _rate(report: Report, platform: Platform) -> None:
    apps = [RunningApp.create(platform) for _ in range(50)]
    keys = [[app.upload(_zip(number)) for number in range(3)] for app in apps]

    def drive(app: RunningApp, ready: list[str]) -> list[str]:
        return [app.order(key) for key in ready]

    began = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(drive, apps, keys))
    for app, ordered in zip(apps, ids, strict=True):
        for deploy_id in ordered:
            while (status := app.status(deploy_id))["status"] not in ("complete", "failed"):
                time.sleep(0.02)
            assert status["status"] == "complete", status
    rate = len(apps) * 3 / (time.perf_counter() - began)
    report.add("small deploys a second, 50 apps at once", rate, "1/s", at_least=20)
