"""The priority of builders, their builds, and lanes (the apis' second processes). It is lower than the priority of the
processes that respond to ordinary requests."""

from __future__ import annotations

import ctypes
import os
import platform

from easel.builds.sandbox.kernel import lower_session, take_long_slices

_NICER = 10
"""The number added to the niceness of this process. It is added, because an operator may have started Easel with a
niceness other than 0."""
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""The number of the system call ioprio_set for each type of machine. Python has no function for it."""
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13


def yield_to_others() -> None:
    """Gives the processor and the disk to this process, and to the processes that it starts, only when other processes
    do not need them."""
    os.nice(_NICER)
    take_long_slices()
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        # If the system refuses the call, nothing changes (ioprio_set(2)).
        ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)


def yield_to_session() -> None:
    """Gives this process less processor time than the other processes of its session, or of its control group."""
    os.nice(_NICER)


def yield_processor() -> None:
    """Moves this process into a session of its own, and gives this session less processor time than all other
    sessions."""
    os.setsid()
    lower_session("self")
