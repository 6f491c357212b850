"""Watches a running build, and ends it when it reaches a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from easel.builds.sandbox.bubblewrap import HOME
from easel.builds.sandbox.cgroups import Group
from easel.builds.sandbox.disk import DiskUse
from easel.builds.sandbox.free_cores import FreeCores
from easel.builds.sandbox.limits import Limits, Reason
from easel.builds.sandbox.processes import Processes
from easel.builds.sandbox.socket_memory import SocketMemory

SOONEST, LATEST = 0.02, 0.1
"""Minimum and maximum number of seconds between two checks of a running build."""
LATEST_IN_GROUP = 0.25
"""Maximum number of seconds between two checks if the kernel itself enforces the memory limit."""
FASTEST_GROWTH = 4 * 1024**3
"""The fastest growth of a build's memory, in bytes a second. The less memory is left, the sooner the next check is."""
CROWDED_FOR = 0.5
"""Seconds that a build may have its maximum of processes and threads. A build that stays at the maximum for longer is
ended, because it keeps trying to start more processes."""
IN_MEMORY = ("/tmp", HOME, "/dev/shm")  # noqa: S108


class Watcher:
    """Checks the processes, the folder and the run time of a build against its limits. Records the highest values."""

    def __init__(
        self,
        limits: Limits,
        processes: Processes,
        disk: DiskUse,
        sockets: SocketMemory | None,
        group: Group | None,
        should_stop: Callable[[], bool],
        free_cores: FreeCores | None = None,
    ) -> None:
        self._limits = limits
        self._processes = processes
        self._disk = disk
        self._sockets = sockets
        self._group = group
        self._should_stop = should_stop
        self._free_cores = free_cores
        self._begun = time.monotonic()
        self._crowded_since: float | None = None
        self._lowered: frozenset[int] = frozenset()
        self.peak_memory = 0
        self.processor = 0.0

    async def watch(self) -> Reason:
        """Waits until the build reaches a limit or has to stop for another reason, and returns the limit or the
        reason."""
        while True:
            reason = self._look()
            if reason is not None:
                return reason
            if self._group is not None:
                await asyncio.sleep(LATEST_IN_GROUP)
                continue
            left = self._limits.memory - self._memory
            await asyncio.sleep(min(LATEST, max(SOONEST, left / FASTEST_GROWTH)))

    def _look(self) -> Reason | None:
        now = time.monotonic()
        if self._should_stop():
            return "stopped"
        if now - self._begun > self._limits.wall:
            return "time"
        usage = self._processes.usage()
        self._memory = self._memory_of(usage.resident)
        if self._sockets is not None:
            self._memory += self._sockets.held()
        self.peak_memory = max(self.peak_memory, self._memory)
        if self._memory > self._limits.memory or (self._group is not None and self._group.was_short()):
            return "memory"
        self.processor = max(self.processor, usage.processor)
        if usage.processor > self._limits.processor:
            return "processor"
        if usage.threads > self._limits.processes:
            return "processes"
        # In a sandbox, the kernel refuses a process over the limit, so the watcher never sees more than the limit.
        if usage.threads < self._limits.processes - 2:
            self._crowded_since = None
        elif self._crowded_since is None:
            self._crowded_since = now
        elif now - self._crowded_since > CROWDED_FOR:
            return "processes"
        if not usage.sessions <= self._lowered and self._processes.lower():
            self._lowered = usage.sessions
        if self._free_cores is not None:
            self._free_cores.look()
        return self._disk.reached()

    def _memory_of(self, resident: int) -> int:
        if self._group is not None:
            return self._group.memory()
        files = self._processes.temporary(IN_MEMORY)
        if resident + files <= self._limits.memory:
            return resident + files
        # The sum above counts shared pages more than once.
        return self._processes.proportional() + files
