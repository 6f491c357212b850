"""The garbage collector in a process whose requests must not wait for it."""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 700, 10, 100
"""The thresholds of the three generations. Python's own for the oldest is 10."""


def collect_rarely() -> None:
    """Collects the oldest objects a tenth as often, and those never that exist by now. Beside a thousand connections,
    each such collection holds up every request for 40 ms."""
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
