"""The same figures with 1,000 apps of 20 versions each in the store, compared with an empty store."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import httpx

from bench.deploys import small_files
from bench.measure import Report, in_turn
from testbed.running import Platform, RunningApp, make_platform, zip_of

APPS = 1000
VERSIONS = 20


def run(report: Report, folder: Path, *, apps: int = APPS, versions: int = VERSIONS) -> None:
    """Fills a store by deploying, and then measures it in turn with an empty store."""
    # The store has more apps than an organisation's default limit.
    full, empty = (make_platform(folder / name, EASEL_MAX_APPS="0") for name in ("full", "empty"))
    for platform in (full, empty):
        platform.data_dir.parent.mkdir(parents=True)
        platform.start()
    try:
        began = time.perf_counter()
        _fill(full, apps, versions)
        full.settle()
        print(f"(filled the store with {apps} apps of {versions} versions in {time.perf_counter() - began:.0f} s)")
        full.vacuum()
        for name, measure, rounds in (
            ("small deploy", _deploy, 60),
            ("restore", _restore, 300),
            ("edge request", _visit, 1000),
        ):
            apps_measured = RunningApp.create(full), RunningApp.create(empty)
            for app in apps_measured:
                app.deploy(small_files(1))
                app.deploy(small_files(2))
                app.platform.settle()
            # The two sides run one by one in turn, so that a disturbance affects both.
            of_full, of_empty = in_turn(measure(apps_measured[0]), measure(apps_measured[1]), rounds)
            report.add(
                f"{name}, {apps} apps of {versions} versions / empty store",
                of_full / of_empty,
                "ratio",
                at_most=1.15,
                full_ms=of_full * 1000,
                empty_ms=of_empty * 1000,
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


def _deploy(app: RunningApp) -> Callable[[], object]:
    # The time starts at the request for the deploy. The upload does not count.
    keys = cycle([app.upload(zip_of(small_files(number))) for number in range(3, 63)])
    return lambda: app.wait(app.order(next(keys)))


def _restore(app: RunningApp) -> Callable[[], object]:
    versions = cycle((1, 2))
    return lambda: app.client.post(f"{app.path}/versions/{next(versions)}/restore", json={}).raise_for_status()


def _visit(app: RunningApp) -> Callable[[], object]:
    host = {"Host": f"{app.slug}.localhost:{app.platform.edge_port}"}
    client = httpx.Client(trust_env=False, base_url=f"http://127.0.0.1:{app.platform.edge_port}")
    return lambda: client.get("/", headers=host).raise_for_status()
