"""Frees memory: unmaps the pages of programs and libraries that a process needs no longer."""

from __future__ import annotations

import asyncio
import ctypes
import re
import sys
from collections.abc import Coroutine
from typing import Any, Final

_MADV_DONTNEED: Final = 4
_AREA: Final = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) .-.p \S+ \S+ [1-9]\d* +/.*(?:\.so[\w.]*|/python[\d.]*)$")
"""A pattern for the first line about a read-only part of a program or library in /proc/PID/smaps: where the part begins
and ends."""
_STARTED: Final = 2.0
"""Number of seconds for which a role is starting. After that, it needs few of the library pages that its start has
used."""
_CHANGED: Final = re.compile(r"^Anonymous: +(\d+) kB")


def let_go_of_files() -> None:
    """Unmaps the pages of programs and libraries that this process has used so far. Pages that it uses again come from
    the system's cache (Linux, madvise(2), proc_pid_smaps(5)). The call takes 10 to 30 ms.

    Importing modules uses 20 MiB of such pages, and a process at rest needs few of them again. Parts of a file with
    changed pages, such as relocated addresses, stay mapped.
    """
    if not sys.platform.startswith("linux"):
        return
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    area: tuple[int, int] | None = None
    with open("/proc/self/smaps", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if (found := _AREA.match(line)) is not None:
                area = int(found[1], 16), int(found[2], 16)
            elif area is not None and (changed := _CHANGED.match(line)) is not None:
                if int(changed[1]) == 0:
                    advise(area[0], area[1] - area[0], _MADV_DONTNEED)
                area = None


async def run_with_few_pages(role: Coroutine[Any, Any, None]) -> None:
    """Runs a role, and unmaps the library pages that only its start has used. Raises the role's errors."""
    asyncio.get_running_loop().call_later(_STARTED, let_go_of_files)
    await role
