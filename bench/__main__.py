"""`make bench`: runs the benchmarks, prints the figures, and writes them to bench/results/."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

from bench.against import ROUNDS, compare
from bench.measure import Report
from testbed.running import make_platform

ON_ONE_PLATFORM = ("pointers", "diffs", "deploys")
"""The order matters, because large deploys leave background work, which would disturb measurements in milliseconds."""
BY_THEMSELVES = (
    "rest",
    "memory",
    "lists",
    "command_line",
    "apart",
    "workers",
    "polling",
    "neighbours",
    "worst",
    "rules",
    "builds",
    "cold",
    "transfer",
    "model",
    "scale",
    "edge",
)
"""Each of these benchmarks makes its own platform or data."""


def _run_by_itself(name: str, report: Report, folder: Path) -> None:
    # Each module is imported when it runs, because another commit may lack modules that other benchmarks need.
    module = importlib.import_module(f"bench.{name}")
    if name in ("memory", "command_line"):
        (folder / name).mkdir()
        platform = make_platform(folder / name)
        platform.start()
        try:
            module.run(report, platform)
        finally:
            platform.stop()
    elif name == "edge":
        module.run(report)
    elif name in ("model", "scale"):
        module.run(report, folder, apps=int(os.environ.get("BENCH_APPS", module.APPS)))
    else:
        module.run(report, folder)


def _measure(chosen: list[str]) -> Report:
    report = Report()
    with tempfile.TemporaryDirectory(prefix="easel-bench-", ignore_cleanup_errors=True) as folder:
        together = [name for name in ON_ONE_PLATFORM if name in chosen]
        if together:
            platform = make_platform(Path(folder))
            platform.start()
            try:
                for name in together:
                    importlib.import_module(f"bench.{name}").run(report, platform)
            finally:
                platform.stop()
        for name in BY_THEMSELVES:
            if name in chosen:
                _run_by_itself(name, report, Path(folder))
    return report


def main(arguments: list[str]) -> int:
    """Runs the chosen benchmarks, or all. Returns 1 if a target was missed or a measurement failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join((*ON_ONE_PLATFORM, *BY_THEMSELVES))}; none is all")
    parser.add_argument("--against", metavar="COMMIT", help="run them on that commit as well, in turn, and compare")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is run on each side (%(default)s)")
    parser.add_argument("--figures", type=Path, help="write the figures there, not to bench/results/")
    given = parser.parse_args(arguments)
    known = (*ON_ONE_PLATFORM, *BY_THEMSELVES)
    if unknown := [name for name in given.parts if name not in known]:
        parser.error(f"there is no part {unknown[0]}; choose of {', '.join(known)}")
    chosen = [name for name in known if not given.parts or name in given.parts]
    if given.against is not None:
        return compare(given.against, chosen, given.rounds)
    report = _measure(chosen)
    if given.figures is not None:
        given.figures.write_text(json.dumps(report.as_json()))
    else:
        print(f"written to {report.write()}")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
