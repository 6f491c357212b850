"""The priority of builders, and of the builds that they start: below all that is served."""

from __future__ import annotations

import ctypes
import os
import platform

_NICER = 10
"""Than the other processes, which an operator may have started with another niceness than 0."""
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""The number of the system call by machine: Python has no function for it."""
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13


def yield_to_others() -> None:
    """Gives this process, and those that it starts, the processor and the disk when nothing that is served needs
    them."""
    os.nice(_NICER)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        # What a system refuses here (ioprio_set(2)) is left as it is.
        ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
