"""The priority of builders and their builds, and of lanes: below all other processes that answer requests."""

from __future__ import annotations

import ctypes
import os
import platform

from easel.builds.sandbox.kernel import lower_session, take_long_slices

_NICER = 10
"""Added to the niceness of this process, because an operator may have started Easel with a niceness other than 0."""
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""The number of the system call by machine. Python has no function for it."""
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13


def yield_to_others() -> None:
    """Gives this process, and those that it starts, the processor and the disk only when the other processes do not
    need them."""
    os.nice(_NICER)
    take_long_slices()
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        # Refusals of the system (ioprio_set(2)) are ignored.
        ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)


def yield_to_session() -> None:
    """Gives this process less of the processor than the other processes of its session, or of its control group."""
    os.nice(_NICER)


def yield_processor() -> None:
    """Gives this process, as a session of its own, less of the processor than all other sessions."""
    os.setsid()
    lower_session("self")
