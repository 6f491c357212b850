"""Keeps processors free of a build while edges serve visitors.

The low priority of a build is not enough. A process that was preempted for a moment counts as having had its share of
the processor. The scheduler (EEVDF, Linux 6.6 and newer) therefore continues with the build until the next tick of its
clock, up to four milliseconds later. On a processor without a build, visitors do not wait.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from easel.builds.sandbox import kernel
from easel.builds.sandbox.processes import Processes

WINDOW = 0.5
"""Number of seconds over which the processor time of the edges is measured, to detect visitors."""
SHARE = 0.008
"""The share of one processor's time from which the edges of a machine count as visited: about 50 visits a second. An
idle edge uses less than half of this share."""
AFTER = 2.0
"""Seconds without visitors after which a build gets all processors back."""
_LONGEST = 2.0
"""Maximum number of seconds between two measurements of processor time. A longer interval is discarded."""
_KNOWN_FOR = 5.0
"""Number of seconds for which the list of edge processes is used before it is read again."""
_EDGE = b"easel: edge"
"""Prefix of the title of an edge process (proc(5), cmdline)."""


def edges() -> tuple[int, ...]:
    """Returns the process ids of the edges that the same `easel serve` has started."""
    found = []
    for process in kernel.children(os.getppid()):
        with suppress(OSError), open(f"/proc/{process}/cmdline", "rb") as file:
            if file.read(len(_EDGE)) == _EDGE:
                found.append(process)
    return tuple(found)


class Visits:
    """Detects visitors by the processor time of this machine's edges."""

    def __init__(self, find: Callable[[], Iterable[int]] = edges) -> None:
        self._find = find
        self._used: dict[int, float] = {}
        self._found = self._at = self._until = 0.0

    def come(self) -> bool:
        """Returns true if edges serve visitors now, or served visitors in the last `AFTER` seconds. A call within
        `WINDOW` seconds of the last comparison costs nothing."""
        now = time.monotonic()
        took = now - self._at
        if took >= WINDOW:
            if now - self._found >= _KNOWN_FOR:
                self._found, known = now, self._find()
            else:
                known = tuple(self._used)
            before, self._used, self._at = self._used, _processor_times(known), now
            used = sum(seconds - before.get(edge, seconds) for edge, seconds in self._used.items())
            # No comparison is made between two builds. An average over a long time says nothing about the present.
            if used >= SHARE * took and took < _LONGEST:
                self._until = now + AFTER
        return now < self._until


def _processor_times(processes: Iterable[int]) -> dict[int, float]:
    """Returns the seconds of processor time of each process that still runs (clock_getcpuclockid(3))."""
    times = {}
    for process in processes:
        with suppress(OSError):
            times[process] = time.clock_gettime(~process << 3 | 2)
    return times


class FreeCores:
    """While visitors send requests, restricts a running command to fewer of this process's processors, but always
    leaves it one."""

    def __init__(self, visits: Visits, processes: Processes, number: int) -> None:
        self._visits = visits
        self._processes = processes
        self._cores = sorted(os.sched_getaffinity(0))
        self._fewer = self._cores[: max(1, len(self._cores) - number)]
        self._is_taken = False
        self._settled = True
        self._looked = time.monotonic()
        self.seconds = 0.0
        """Number of seconds for which builds have left processors free for visitors so far."""

    def look(self) -> None:
        """Takes processors from the build while visitors send requests, and gives them back when no requests arrive."""
        if self._fewer == self._cores:
            return
        now = time.monotonic()
        if self._is_taken:
            self.seconds += now - self._looked
        self._looked = now
        come = self._visits.come()
        if come == self._is_taken and self._settled:
            return
        # A thread that was started during the change still has the previous processors. The next call therefore repeats
        # the change.
        self._settled = come == self._is_taken
        self._is_taken = come
        if not self._processes.run_on(self._fewer if come else self._cores):
            self._fewer = self._cores
