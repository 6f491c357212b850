"""The priority of builders and of their builds: below all processes that answer requests."""

from __future__ import annotations

import ctypes
import os
import platform

_NICER = 10
"""Relative to the other processes: an operator may have started them with another niceness than 0."""
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""The number of the system call by machine. Python has no function for it."""
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13


def yield_to_others() -> None:
    """Gives this process, and those that it starts, the processor and the disk only when the other processes do not
    need them."""
    os.nice(_NICER)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        # Refusals of the system (ioprio_set(2)) are ignored.
        ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
