"""How far one run of a deploy is: its step, its timings, and the log lines that wait to be written."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from easel import clock
from easel.deploys.metrics import STEP_SECONDS


class StopRequestedError(Exception):
    """The worker is shutting down; the deploy goes on from here at the next start."""


class Progress:
    """The progress of one run. `timings` are milliseconds by step, with those of earlier runs."""

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self.step = "start"
        self.timings: dict[str, int] = {}
        self._should_stop = should_stop
        self._lines: list[tuple[datetime, str]] = []

    def border(self, step: str) -> float:
        """The border before a step: where a stopping worker lets go. Gives the moment for `took`.

        Raises StopRequestedError.
        """
        self.step = step
        if self._should_stop():
            raise StopRequestedError
        return time.perf_counter()

    def took(self, step: str, began: float) -> None:
        """Notes how long a step took that began at this moment."""
        seconds = time.perf_counter() - began
        STEP_SECONDS.labels(step).observe(seconds)
        self.timings[step] = milliseconds(seconds)

    def say(self, line: str) -> None:
        """Adds a line to the deploy's log."""
        self._lines.append((clock.now(), line))

    def take_lines(self) -> list[tuple[datetime, str]]:
        """The lines that are not written yet, which are the caller's to write now."""
        lines, self._lines = self._lines, []
        return lines


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, never negative: clocks of two machines may differ."""
    return max(0, round(seconds * 1000))


def size(count: int) -> str:
    """A number of bytes for people."""
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
