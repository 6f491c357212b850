"""How far one run of a deploy is: its step, its timings, and the log lines that wait to be written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from easel import clock
from easel.deploys.errors import StepTimedOutError
from easel.deploys.metrics import STEP_SECONDS


class StopRequestedError(Exception):
    """The worker is shutting down; the deploy goes on from here at the next start."""


class Progress:
    """The progress of one run. `timings` are milliseconds by step, with those of earlier runs."""

    def __init__(self, should_stop: Callable[[], bool], *, step_deadline: float) -> None:
        self.step = "start"
        self.timings: dict[str, int] = {}
        self._should_stop = should_stop
        self._step_deadline = step_deadline
        self._lines: list[tuple[datetime, str]] = []

    @asynccontextmanager
    async def during(self, step: str) -> AsyncIterator[None]:
        """One step: its border, where a stopping worker lets go, its deadline, and how long it took.

        Raises StopRequestedError, StepTimedOutError.
        """
        self.step = step
        if self._should_stop():
            raise StopRequestedError
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._step_deadline) as deadline:
                yield
        except TimeoutError:
            if deadline.expired():
                raise StepTimedOutError(step=step, seconds=self._step_deadline) from None
            raise
        self.took(step, began)

    def took(self, step: str, began: float) -> None:
        """Notes how long a step took that began at this moment (`time.perf_counter`)."""
        seconds = time.perf_counter() - began
        STEP_SECONDS.labels(step).observe(seconds)
        self.timings[step] = milliseconds(seconds)

    def say(self, line: str) -> None:
        """Adds a line to the deploy's log."""
        self._lines.append((clock.now(), line))

    @property
    def lines(self) -> list[tuple[datetime, str]]:
        """The lines that are not written yet, each with its time, oldest first."""
        return list(self._lines)

    def written(self, count: int) -> None:
        """Notes that the first `count` lines are written."""
        del self._lines[:count]

    def unsay(self, count: int) -> None:
        """Leaves the first `count` lines alone: what was said after them did not come to be."""
        del self._lines[count:]


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, never negative: clocks of two machines may differ."""
    return max(0, round(seconds * 1000))
