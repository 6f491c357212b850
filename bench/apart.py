"""Easel on a PostgreSQL and a bucket, compared with its embedded parts: the start of deploys, and the cost of
idling."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import obstore

from bench.deploys import deploy_until_live, small_files
from bench.measure import Report, in_turn
from easel.storage.embedded import EmbeddedPostgres
from testbed.running import Platform, RunningApp, make_platform, zip_of
from testbed.stores import Bucket, rclone

ROUNDS = 60
IDLE_SECONDS = 20


def run(report: Report, folder: Path) -> None:
    """Starts both kinds of Easel, side by side."""
    (folder / "apart").mkdir()
    (folder / "embedded").mkdir()
    server = EmbeddedPostgres(folder / "database" / "postgres")
    with rclone(folder / "rclone") as bucket:
        url = server.start()
        apart = make_platform(folder / "apart", EASEL_DATABASE_URL=url, **bucket.environment("bench"))
        embedded = make_platform(folder / "embedded")
        try:
            for platform in (apart, embedded):
                platform.start()
            _deploys(report, apart, embedded)
            _objects(report, apart, bucket)
            _starts(report, embedded, "embedded")
            _starts(report, apart, "apart")
            apart.stop()
            _idle(report, embedded)
        finally:
            for platform in (apart, embedded):
                if platform.process is not None and platform.process.poll() is None:
                    platform.stop()
            server.stop()


def _deploys(report: Report, apart: Platform, embedded: Platform) -> None:
    apps = [RunningApp.create(platform) for platform in (apart, embedded)]
    keys = [iter([app.upload(zip_of(small_files(n))) for n in range(ROUNDS)]) for app in apps]
    of_apart, of_embedded = in_turn(
        lambda: deploy_until_live(apps[0], next(keys[0])), lambda: deploy_until_live(apps[1], next(keys[1])), ROUNDS
    )
    report.add(
        "small deploy, PostgreSQL and bucket / embedded",
        of_apart / of_embedded,
        "ratio",
        at_most=2,
        apart_ms=of_apart * 1000,
        embedded_ms=of_embedded * 1000,
    )


def _objects(report: Report, apart: Platform, bucket: Bucket) -> None:
    app = RunningApp.create(apart)
    app.deploy({"index.html": "<!doctype html>", **{f"file-{n}.txt": f"{n}" for n in range(500)}})
    written = obstore.list(bucket.objects("bench"), prefix=f"apps/{app.app_id}").collect()
    report.add("objects written by a deploy of 501 files", len(written), "objects", at_most=3)


def _starts(report: Report, platform: Platform, where: str) -> None:
    """Measures the wait of a deploy on an idle Easel, and of the tenth deploy in a row after the ninth has ended."""
    first, tenth = [], []
    for number in range(20):
        app = RunningApp.create(platform)
        key = app.upload(zip_of(small_files(number)))
        ended = [app.wait(deploy_id) for deploy_id in [app.order(key) for _ in range(10)]]
        first.append(_milliseconds(ended[0], "queued_at", ended[0], "started_at"))
        tenth.append(_milliseconds(ended[8], "finished_at", ended[9], "started_at"))
    report.add(f"enqueue to start, median, {where}", statistics.median(first), "ms", at_most=15)
    report.add(f"end of the ninth in a row to start of the tenth, {where}", statistics.median(tenth), "ms", at_most=15)


def _milliseconds(begin: dict[str, Any], since: str, end: dict[str, Any], until: str) -> float:
    return (datetime.fromisoformat(end[until]) - datetime.fromisoformat(begin[since])).total_seconds() * 1000


def _idle(report: Report, platform: Platform) -> None:
    """Measures the processor time of all processes of an idle `easel serve`, including its database."""
    assert platform.process is not None
    platform.settle()
    postmaster = int((platform.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    before = processor_time([platform.process.pid, postmaster])
    time.sleep(IDLE_SECONDS)
    used = processor_time([platform.process.pid, postmaster]) - before
    report.add("idle, all processes, of one core", 100 * used / IDLE_SECONDS, "%", at_most=2)


def descendants(processes: list[int]) -> Iterator[int]:
    """Yields these processes and all their descendants that still run."""
    while processes:
        process = processes.pop()
        with suppress(OSError):
            processes += map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
            yield process


def processor_time(processes: list[int]) -> float:
    """Returns the seconds of processor time of these processes and all their descendants so far."""
    seconds = 0.0
    for process in descendants(processes):
        with suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds
