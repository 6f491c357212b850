"""`make bench`: runs the benchmarks, prints the figures, and writes them to bench/results/."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import apart, cold, deploys, diffs, edge, memory, model, pointers, polling, scale, workers
from bench.measure import Report
from bench.running import make_platform

PARTS = {"pointers": pointers.run, "diffs": diffs.run, "deploys": deploys.run}
"""On one platform, in this order: the large deploys leave background work behind, which would disturb what is measured
in ms."""


def _memory(report: Report, folder: Path) -> None:
    (folder / "memory").mkdir()
    platform = make_platform(folder / "memory")
    platform.start()
    try:
        memory.run(report, platform)
    finally:
        platform.stop()


def _apps(otherwise: int) -> int:
    return int(os.environ.get("BENCH_APPS", otherwise))


BY_THEMSELVES: dict[str, Callable[[Report, Path], None]] = {
    "memory": _memory,
    "apart": apart.run,
    "workers": workers.run,
    "polling": polling.run,
    "cold": cold.run,
    "model": lambda report, folder: model.run(report, folder, apps=_apps(model.APPS)),
    "scale": lambda report, folder: scale.run(report, folder, apps=_apps(scale.APPS)),
    "edge": lambda report, _: edge.run(report),
}


def main(chosen: list[str]) -> int:
    """Runs the chosen parts, or all. Gives 1 when a target was missed."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="easel-bench-", ignore_cleanup_errors=True) as folder:
        parts = [name for name in PARTS if not chosen or name in chosen]
        if parts:
            platform = make_platform(Path(folder))
            platform.start()
            try:
                for name in parts:
                    PARTS[name](report, platform)
            finally:
                platform.stop()
        for name, run in BY_THEMSELVES.items():
            if not chosen or name in chosen:
                run(report, Path(folder))
    print(f"written to {report.write()}")
    return 1 if any(figure.met is False for figure in report.figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
