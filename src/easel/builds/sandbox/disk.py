"""Measures the disk space of a running build."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from easel.builds.sandbox.limits import Reason
from easel.storage.disk_reserve import DiskReserve

SHARE = 0.05
"""Maximum share of one processor's time that counting a build's files may take."""
SOONEST = 1.0
LATEST = 5.0
"""Maximum number of seconds between two counts of a build's files."""
_CHUNK = 256 * 1024
_LONGEST_RECORD = 8192
"""Maximum number of bytes of a record of du: a size, and a path of 4,096 bytes (PATH_MAX)."""
_LAST_RECORD = re.compile(rb"(?:\A|[\0\n])(\d+)\t[^\0]*\0\Z")
_DENIED = b": Permission denied\n"


class Use(NamedTuple):
    """An amount of disk space: bytes, and the number of files and folders."""

    bytes: int
    files: int


class DiskUse:
    """Counts the files of a build's `folder` and of the folders in `others` together, repeatedly. The less time a count
    takes, the sooner the next count starts. A count starts at once if the disk has lost so much space that a limit may
    be reached. The bytes of `others`, which may be older than the build, count only as far as they have grown since the
    first count. `removed` returns the bytes of open files without a name."""

    def __init__(
        self, folder: Path, others: tuple[Path, ...], limit: Use, reserve: DiskReserve, removed: Callable[[int], int]
    ) -> None:
        self._folder = folder
        self._others = others
        self._limit = limit
        self._reserve = reserve
        self._removed = removed
        self._device = folder.stat().st_dev
        self._first_free = self._free = self._now_free()
        self._before: int | None = None
        self._used = Use(0, 0)
        self._next = 0.0
        self._counting: asyncio.Task[None] | None = None

    def reached(self) -> Reason | None:
        """Returns the limit that the last count reached, or None. Starts a new count in the background when a count is
        due."""
        if self._reserve.is_reached:
            return "disk_full"
        if self._used.bytes > self._limit.bytes:
            return "disk"
        if self._used.files > self._limit.files:
            return "files"
        free = self._now_free()
        due = (
            time.monotonic() >= self._next
            or self._used.bytes + self._free.bytes - free.bytes > self._limit.bytes
            or self._used.files + self._free.files - free.files > self._limit.files
        )
        if due and (self._counting is None or self._counting.done()):
            self._counting = asyncio.get_running_loop().create_task(self._count())
        return None

    async def close(self) -> None:
        """Stops counting the build's files."""
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)

    def _now_free(self) -> Use:
        found = os.statvfs(self._folder)
        return Use(found.f_bavail * found.f_frsize, found.f_favail)

    async def _count(self) -> None:
        begun, free = time.monotonic(), self._now_free()
        own = await self._use(self._folder)
        others = [await self._use(folder) for folder in self._others]
        size = sum(use.bytes for use in others)
        if self._before is None:
            self._before = size
        self._used = Use(
            own.bytes + max(0, size - self._before) + self._removed(self._device),
            own.files + sum(use.files for use in others),
        )
        self._free = free
        took = time.monotonic() - begun
        self._next = time.monotonic() + min(LATEST, max(SOONEST, took / SHARE))

    async def _use(self, folder: Path) -> Use:
        """Returns the disk space that the folder uses. If the folder is unreadable, returns the amount by which the
        free space of the disk has shrunk since the build began."""
        found, is_shut = await self._du(folder)
        if not is_shut:
            return found
        # A build may remove its own rights to a folder, but the folder's content still counts.
        free = self._now_free()
        return Use(
            max(found.bytes, self._first_free.bytes - free.bytes), max(found.files, self._first_free.files - free.files)
        )

    async def _du(self, folder: Path) -> tuple[Use, bool]:
        """Returns the use of the disk by a folder (du(1)), and whether a part of the folder is unreadable."""
        # The process is started with subprocess, because asyncio's function would start it in a thread. If the count
        # were cancelled at its start, Easel would wait twice for the end of that thread.
        counter = subprocess.Popen(  # noqa: ASYNC220
            ["du", "-0ax", "--block-size=1", "--", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, counter.pid, 19)
        try:
            return await asyncio.to_thread(_counted, counter)
        except asyncio.CancelledError:
            counter.kill()
            raise


def _counted(counter: subprocess.Popen[bytes]) -> tuple[Use, bool]:
    """Returns the use, and whether a part of the folder is unreadable, from du's output. The output has a record for
    each file, which counts a hard link only once. The folder's own record comes last. Error messages may come between
    the records."""
    files, is_shut, last = 0, False, b""
    with counter as running:
        assert running.stdout is not None
        while chunk := running.stdout.read(_CHUNK):
            files += chunk.count(b"\0")
            last = last[-_LONGEST_RECORD:] + chunk
            is_shut = is_shut or _DENIED in last
    size = _LAST_RECORD.search(last[-_LONGEST_RECORD:])
    return Use(int(size[1]) if size is not None else 0, files), is_shut
