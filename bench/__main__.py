"""`make bench`: runs the benchmarks, prints the figures, and writes them to bench/results/."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench import apart, cold, deploys, diffs, edge, memory, pointers, polling, scale, workers
from bench.measure import Report
from bench.running import make_platform

PARTS = {"pointers": pointers.run, "diffs": diffs.run, "deploys": deploys.run}
"""In this order: the large deploys leave background work behind, which would disturb what is measured in ms."""


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
        if not chosen or "memory" in chosen:
            (Path(folder) / "memory").mkdir()
            platform = make_platform(Path(folder) / "memory")
            platform.start()
            try:
                memory.run(report, platform)
            finally:
                platform.stop()
        if not chosen or "apart" in chosen:
            apart.run(report, Path(folder))
        if not chosen or "cold" in chosen:
            cold.run(report, Path(folder))
        if not chosen or "workers" in chosen:
            workers.run(report, Path(folder))
        if not chosen or "polling" in chosen:
            polling.run(report, Path(folder))
        if not chosen or "scale" in chosen:
            scale.run(report, Path(folder), apps=int(os.environ.get("BENCH_APPS", scale.APPS)))
        if not chosen or "edge" in chosen:
            edge.run(report)
    print(f"written to {report.write()}")
    return 1 if any(figure.met is False for figure in report.figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
