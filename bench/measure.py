"""Measuring: actions are repeated, in turn with the peer, and reported together with the machine."""

from __future__ import annotations

import json
import os
import platform as machine
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One figure: the measurement, its peer, the ratio or value, and its target."""

    name: str
    value: float
    unit: str
    target: str
    detail: dict[str, float | str] = field(default_factory=dict)
    met: bool | None = None


@dataclass
class Report:
    """All figures of one run."""

    figures: list[Figure] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    """Other results of a run that a document shows, such as plans of queries, by name."""

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        **detail: float | str,
    ) -> None:
        """Adds a figure with its target, and prints it."""
        target = f"≤ {at_most:g}" if at_most is not None else f"≥ {at_least:g}" if at_least is not None else ""
        met = value <= at_most if at_most is not None else value >= at_least if at_least is not None else None
        figure = Figure(name, round(value, 4), unit, target, detail, met)
        self.figures.append(figure)
        mark = {True: "met", False: "MISSED", None: ""}[met]
        told = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in detail.items())
        print(f"{name:<58} {value:8.3f} {unit:<8} {target:<8} {mark:<7} {told}", flush=True)

    def skip(self, name: str, reason: str) -> None:
        """Records the reason why something was not measured."""
        self.skipped[name] = reason
        print(f"{name:<58} skipped: {reason}", flush=True)

    def fail(self, name: str, reason: str) -> None:
        """Records the reason why a required measurement failed. The run is then not good."""
        self.failed[name] = reason
        print(f"{name:<58} FAILED: {reason}", flush=True)

    @property
    def good(self) -> bool:
        """Returns true if everything possible on this machine was measured, and no target was missed."""
        return not self.failed and all(figure.met is not False for figure in self.figures)

    def as_json(self) -> dict[str, Any]:
        """Returns the results."""
        body: dict[str, Any] = {"figures": [asdict(figure) for figure in self.figures], "skipped": self.skipped}
        if self.failed:
            body["failed"] = self.failed
        if self.texts:
            body["texts"] = self.texts
        return body

    def write(self, more: dict[str, Any] | None = None) -> Path:
        """Writes the run to `bench/results/`, with the machine's description and further results."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
        if path.exists():
            # Two runs may end in the same minute.
            path = RESULTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}.json"
        body = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": describe_machine(),
            **self.as_json(),
            **(more or {}),
        }
        path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
        return path


def describe_machine() -> dict[str, str | int]:
    """Returns the machine, and the versions of the measured programs."""
    return {
        "cores": os.cpu_count() or 0,
        "processor": _first_line("/proc/cpuinfo", "model name") or machine.processor(),
        "memory": _first_line("/proc/meminfo", "MemTotal"),
        "system": machine.platform(),
        "python": machine.python_version(),
        "commit": _run("git", "rev-parse", "--short", "HEAD"),
    }


def seconds(action: Callable[[], object]) -> float:
    """Returns the seconds that the action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def in_turn(first: Callable[[], object], second: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Returns the medians (seconds) of two actions measured in turn, so that other load disturbs both equally."""
    pairs = [(seconds(first), seconds(second)) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def _first_line(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
