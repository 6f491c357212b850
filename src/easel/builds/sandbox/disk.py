"""Measures the disk space of a running build."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from easel.builds.sandbox.limits import Reason
from easel.storage.disk_reserve import DiskReserve

SHARE = 0.05
"""The share of one processor's time for counting a build's files."""
SOONEST = 1.0
LATEST = 5.0
"""Limit of the seconds between two counts."""
LOW_INODES = 0.02
"""The fraction of a file system's inodes that stays free."""


class DiskUse:
    """Folders whose files are counted together, repeatedly. A count that takes less time is repeated sooner. A count
    starts at once if the disk has lost so much space that the limit may be reached.

    `removed` gives the bytes of open files without a name.
    """

    def __init__(
        self, folder: Path, others: tuple[Path, ...], limit: int, reserve: DiskReserve, removed: Callable[[int], int]
    ) -> None:
        self._folder = folder
        self._others = others
        self._limit = limit
        self._reserve = reserve
        self._removed = removed
        self._device = folder.stat().st_dev
        self._first_free = self._free = self._now_free()
        self._before: int | None = None
        self._used = 0
        self._next = 0.0
        self._counting: asyncio.Task[None] | None = None

    def reached(self) -> Reason | None:
        """Whether a limit is reached, by the last count. Starts a new count in the background when it is due."""
        found = os.statvfs(self._folder)
        if self._reserve.is_reached or (found.f_files and found.f_favail < found.f_files * LOW_INODES):
            return "disk_full"
        if self._used > self._limit:
            return "disk"
        lost = self._free - found.f_bavail * found.f_frsize
        due = time.monotonic() >= self._next or self._used + lost > self._limit
        if due and (self._counting is None or self._counting.done()):
            self._counting = asyncio.get_running_loop().create_task(self._count())
        return None

    async def close(self) -> None:
        """Stops counting."""
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)

    def _now_free(self) -> int:
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    async def _count(self) -> None:
        begun, free = time.monotonic(), self._now_free()
        others = sum([await self._size(folder) for folder in self._others])
        if self._before is None:
            self._before = others
        self._used = await self._size(self._folder) + max(0, others - self._before) + self._removed(self._device)
        self._free = free
        took = time.monotonic() - begun
        self._next = time.monotonic() + min(LATEST, max(SOONEST, took / SHARE))

    async def _size(self, folder: Path) -> int:
        """The bytes of the folder's files on its disk. For an unreadable folder: the free space that its disk has lost
        since the beginning."""
        # Not asyncio's thread: cancelling a count as it begins would wait for it twice.
        counter = subprocess.Popen(  # noqa: ASYNC220
            ["du", "-sx", "--block-size=1", "--", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, counter.pid, 19)
        try:
            said, complained = await asyncio.to_thread(counter.communicate)
        except asyncio.CancelledError:
            counter.kill()
            raise
        size = int(said.split(None, 1)[0]) if said[:1].isdigit() else 0
        # A build may remove its own rights to a folder. The folder's content still counts.
        return max(size, self._first_free - self._now_free()) if b"denied" in complained else size
