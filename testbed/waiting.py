"""Waiting on a busy machine, in benchmarks and tests. Long timeouts cost no time if nothing fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 120.0
"""Timeout of a wait, in seconds. A process gets a tenth of a busy machine's time, or less."""


def until(found: Callable[[], T], said: Callable[[], object] = lambda: "", *, seconds: float = PATIENCE) -> T:
    """Calls `found` until its result is true, and returns the result. Raises AssertionError with `said()` after
    `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, said()
        time.sleep(0.01)
    return value


def at_some_pace(check: Callable[[float], None], *paces: float) -> None:
    """Returns when the check passes at one of these paces, in seconds. Raises the AssertionError of the last pace.

    This function is for timeouts that a test has to wait for. A short timeout saves time, but a busy machine needs a
    longer timeout. A fault fails at every pace.
    """
    *quick, last = paces
    for pace in quick:
        try:
            check(pace)
        except AssertionError:
            continue
        return
    check(last)
