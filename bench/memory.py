"""The memory of the processes of an `easel serve`: at rest, and after work."""

from __future__ import annotations

import re
import time
from pathlib import Path

from bench.apart import descendants
from bench.deploys import small_files
from bench.measure import Report
from testbed.running import Platform, RunningApp, zip_of

APPS, DEPLOYS = 50, 4
SETTLED = 3.0
"""Seconds after which a started process has finished its start-up work."""


def run(report: Report, platform: Platform) -> None:
    """Measures each process before and after many apps are deployed and visited."""
    time.sleep(SETTLED)
    _measure(report, platform, "at rest")
    apps = [RunningApp.create(platform) for _ in range(APPS)]
    for number in range(DEPLOYS):
        for app in apps:
            app.deploy(zip_of(small_files(number)))
            assert app.visit().status_code == 200
    platform.settle()
    _measure(report, platform, f"after {APPS * DEPLOYS} deploys")


def _measure(report: Report, platform: Platform, when: str) -> None:
    assert platform.process is not None
    postmaster = int((platform.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    measure(report, [platform.process.pid, postmaster], when)


def measure(report: Report, processes: list[int], when: str) -> None:
    """Adds a row for each kind of process among these and their descendants, and a row for all processes together."""
    kinds: dict[str, float] = {}
    for process in descendants(processes):
        kind = _kind(process)
        kinds[kind] = kinds.get(kind, 0) + _proportional(process)
    for kind, size in sorted(kinds.items()):
        report.add(f"memory, {kind}, {when}", size / 1024**2, "MiB")
    report.add(f"memory, all, {when}", sum(kinds.values()) / 1024**2, "MiB")


def _kind(process: int) -> str:
    title = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    named = re.match(r"easel: (api|worker|builder|edge)\b", title)
    if named is not None:
        return str(named[1])
    return "PostgreSQL" if re.match(r"(\S*/)?postgres\b", title) else "easel serve itself"


def _proportional(process: int) -> int:
    """Returns the bytes of the process's own memory, plus its share of shared memory (PSS)."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{process}/smaps_rollup").read_text(), re.M)
    except (FileNotFoundError, ProcessLookupError):
        return 0  # The process has ended.
    return int(found[1]) * 1024 if found else 0
