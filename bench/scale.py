"""The same figures with 1,000 apps of 20 versions each in the store, against the empty store's."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from bench.deploys import small_files
from bench.measure import Report, seconds
from bench.running import Platform, RunningApp, make_platform, zip_of

APPS = 1000
VERSIONS = 20
ROUNDS = 9


def run(report: Report, folder: Path, *, apps: int = APPS, versions: int = VERSIONS) -> None:
    """Fills a store by deploying, then measures it in turn with an empty one."""
    full, empty = (make_platform(folder / name) for name in ("full", "empty"))
    for platform in (full, empty):
        platform.data_dir.parent.mkdir(parents=True)
        platform.start()
    try:
        began = time.perf_counter()
        _fill(full, apps, versions)
        full.settle()
        print(f"(filled the store with {apps} apps of {versions} versions in {time.perf_counter() - began:.0f} s)")
        for name, measure in (("small deploy", _deploys), ("restore", _restores), ("edge request", _visits)):
            full_app, empty_app = RunningApp.create(full), RunningApp.create(empty)
            for app in (full_app, empty_app):
                app.deploy(small_files(1))
                app.deploy(small_files(2))
                app.platform.settle()
            rounds = [(measure(full_app), measure(empty_app)) for _ in range(ROUNDS)]
            report.add(
                f"{name}, {apps} apps of {versions} versions / empty store",
                # Rounds are compared one by one: what disturbed a round disturbed both in it.
                statistics.median(a / b for a, b in rounds),
                "ratio",
                at_most=1.15,
                full_ms=statistics.median(a for a, _ in rounds) * 1000,
                empty_ms=statistics.median(b for _, b in rounds) * 1000,
            )
    finally:
        for platform in (full, empty):
            platform.stop()


def _fill(platform: Platform, apps: int, versions: int) -> None:
    data = zip_of(small_files(0))

    def fill(_: int) -> tuple[RunningApp, str]:
        app = RunningApp.create(platform)
        key = app.upload(data)
        last = ""
        for _ in range(versions):
            last = app.order(key)
        return app, last

    with ThreadPoolExecutor(4) as pool:
        filled = list(pool.map(fill, range(apps)))
    for app, last in filled:
        while app.status(last)["status"] not in ("complete", "failed"):
            time.sleep(0.05)
        app.client.close()


def _deploys(app: RunningApp) -> float:
    times = []
    for number in range(8):
        key = app.upload(zip_of(small_files(number)))
        times.append(seconds(lambda key=key: app.wait(app.order(key))))  # type: ignore[misc]
    return statistics.median(times)


def _restores(app: RunningApp) -> float:
    return statistics.median(
        seconds(lambda v=1 + n % 2: app.client.post(f"{app.path}/versions/{v}/restore", json={}))  # type: ignore[misc]
        for n in range(40)
    )


def _visits(app: RunningApp) -> float:
    host = {"Host": f"{app.slug}.localhost:{app.platform.edge_port}"}
    with httpx.Client(trust_env=False, base_url=f"http://127.0.0.1:{app.platform.edge_port}") as client:
        return statistics.median(seconds(lambda: client.get("/", headers=host)) for _ in range(200))
