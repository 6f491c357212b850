"""Patience for a busy machine, in benchmarks and tests. It costs nothing where all goes well."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds that a wait may take. A process gets a tenth of a busy machine, or less."""


def until(found: Callable[[], T], said: Callable[[], object] = lambda: "", *, seconds: float = PATIENCE) -> T:
    """Returns the first true value that it finds. Raises AssertionError after that many seconds, with `said()`."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, said()
        time.sleep(0.01)
    return value


def at_some_pace(check: Callable[[float], None], *paces: float) -> None:
    """Returns once the check passes at one of these paces, in seconds. Raises the AssertionError of the last one.

    For timeouts that a test has to wait for: a short one is quick to wait for, and a busy machine needs a longer one.
    A fault shows at every pace.
    """
    *quick, last = paces
    for pace in quick:
        try:
            check(pace)
        except AssertionError:
            continue
        return
    check(last)
