"""The cost of an idle `easel serve`: its memory at rest by process, and its start-up time on an existing data folder.
Also the memory of an edge alone, on a separate machine.

Memory is the proportional set size: a process's own memory plus its share of shared memory. The sum over all processes,
including PostgreSQL's, is therefore the memory that the machine loses.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from bench.apart import processor_time
from bench.measure import Report
from bench.memory import SETTLED, measure
from easel.storage.embedded import EmbeddedPostgres
from testbed.running import Platform, make_platform
from testbed.stores import moto

STARTS = 7


def run(report: Report, folder: Path) -> None:
    """Starts an installation several times, measures the last start, and then measures an edge alone with a
    database."""
    (folder / "rest").mkdir()
    platform = make_platform(folder / "rest")
    # The first start creates the folder and compiles modules, so it is not measured.
    _start(platform)
    platform.stop()
    times = []
    for number in range(STARTS):
        times.append(_start(platform))
        if number < STARTS - 1:
            platform.stop()
    try:
        assert platform.process is not None
        time.sleep(SETTLED)
        postmaster = int((platform.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
        worked = processor_time([platform.process.pid, postmaster])
        report.add(
            "easel serve, from the start to ready", statistics.median(times), "s", least=min(times), most=max(times)
        )
        report.add("easel serve, processor time of a start", worked, "s")
        measure(report, [platform.process.pid, postmaster], "at rest")
    finally:
        platform.stop()
    _edge_alone(report, folder / "alone")


def _edge_alone(report: Report, folder: Path) -> None:
    folder.mkdir()
    server = EmbeddedPostgres(folder / "database" / "postgres")
    with moto() as bucket:
        shared = {"EASEL_DATABASE_URL": server.start(), "EASEL_SECRET_KEY": "k" * 43, **bucket.environment("bench")}
        try:
            # This start creates the schema.
            whole = make_platform(folder, **shared)
            whole.start()
            whole.stop()
            edge = make_platform(folder, **shared, EASEL_ROLE="edge")
            _start(edge)
            try:
                assert edge.process is not None
                time.sleep(SETTLED)
                measure(report, [edge.process.pid], "an edge alone, at rest")
            finally:
                edge.stop()
        finally:
            server.stop()


def _start(platform: Platform) -> float:
    began = time.perf_counter()
    platform.start(look_every=0.005)
    return time.perf_counter() - began
