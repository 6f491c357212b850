"""The disk that a running build takes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from easel.builds.sandbox.limits import Reason
from easel.storage.disk_reserve import DiskReserve

SHARE = 0.05
"""Of a processor's time, for counting a build's files."""
SOONEST = 0.2
LATEST = 5.0
"""Seconds between two counts."""
LOW_INODES = 0.02
"""The part of a file system's inodes that is left free."""


class DiskUse:
    """Folders whose files are counted together, each again and again: the more often the faster it goes, and at once
    when the disk has lost so much that the limit may have been reached.

    `removed` gives the bytes of files that are open and have no name.
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
        """Whether a limit is reached, as far as it is known; counts again in the background when it is time to."""
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
        """Ends the counting."""
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
        """Bytes of the folder's files on its disk; of one that may not be read, the disk's loss since the beginning."""
        # Not asyncio's: a count that is cancelled as it begins would be waited for twice.
        counter = subprocess.Popen(  # noqa: ASYNC220
            ["nice", "-n", "19", "du", "-sx", "--block-size=1", "--", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
        try:
            said, complained = await asyncio.to_thread(counter.communicate)
        except asyncio.CancelledError:
            counter.kill()
            raise
        size = int(said.split(None, 1)[0]) if said[:1].isdigit() else 0
        # A build can take its own rights to a folder away; what is in it then counts all the same.
        return max(size, self._first_free - self._now_free()) if b"denied" in complained else size
