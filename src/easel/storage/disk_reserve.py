"""The reserve of a disk: users' data is refused while less space than the reserve is free. The reserve is for other
work, such as recording a deleted app or a restored version in the database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from easel.settings.forms import RESERVE
from easel.storage.ballast import Ballast
from easel.storage.errors import FilesReserveReachedError, ReserveReachedError

LARGEST = 1024 * 1024 * 1024
"""Default reserve in bytes. If `PERCENT` of the file system is less, this share is the default."""
PERCENT = 5.0
FILES_PERCENT = 2.0
"""Percentage of a file system's files (inodes) that must stay free too, if the file system has a fixed number of
files."""
AHEAD = 1024 * 1024
"""Number of bytes that are reserved for a running write, ahead of the bytes that it has written."""
LOOK_EVERY = 1024 * 1024
"""Number of bytes written between two checks of the disk. The checks are needed because other processes write to the
disk too."""


def reserve_on(setting: str | None, total: int) -> int:
    """Returns the number of bytes that must stay free on a file system of `total` bytes. `setting` is the operator's
    setting, or None for the default."""
    found = RESERVE.fullmatch(setting) if setting is not None else None
    if found is None:
        return min(LARGEST, int(total * PERCENT / 100))
    if found["bytes"]:
        return int(found["bytes"])
    return int(total * float(found["percent"]) / 100)


@dataclass(frozen=True, slots=True)
class Room:
    """The state of a disk at one moment, in bytes: its size, the free bytes, the bytes that must stay free, and the
    bytes promised to running writes.

    `kept` is the reserve plus the freed part of the ballast, so that no other write takes the freed part. `free_files`
    and `kept_files` count files in the same way.
    """

    total: int
    free: int
    kept: int
    promised: int
    free_files: int = 0
    kept_files: int = 0

    @property
    def spare(self) -> int:
        """Returns the number of bytes that may still be written. If the number is negative, this many bytes have to be
        freed."""
        return self.free - self.kept - self.promised

    @property
    def is_reached(self) -> bool:
        """Returns true if fewer bytes or files are free than must stay free."""
        return self.free < self.kept or self.free_files < self.kept_files


class DiskReserve:
    """The space that must stay free on the disk of the given folder. Only writes of this process count as promised."""

    def __init__(self, folder: Path, setting: str | None, ballast: Path | None = None) -> None:
        self._folder = folder
        self._setting = setting
        self._ballast = Ballast(ballast) if ballast is not None else None
        self._promised = 0

    @property
    def holds_database(self) -> bool:
        """Returns true if the embedded database is on this disk."""
        return self._ballast is not None and self._ballast.is_kept

    @property
    def is_reached(self) -> bool:
        """Returns true if less space is free on the disk than must stay free. Raises OSError."""
        return self.room().is_reached

    def room(self) -> Room:
        """Returns the present size and free space of the disk. Raises OSError."""
        found = os.statvfs(self._folder)
        total = found.f_blocks * found.f_frsize
        given_up = self._ballast.missing(total) if self._ballast is not None else 0
        kept = reserve_on(self._setting, total) + given_up
        # Some file systems create inodes on demand, and report a number of 0.
        kept_files = int(found.f_files * FILES_PERCENT / 100) if kept else 0
        return Room(total, found.f_bavail * found.f_frsize, kept, self._promised, found.f_favail, kept_files)

    def require(self, length: int = 0) -> None:
        """Raises ReserveReachedError if less space than the reserve would be free after `length` more bytes. Raises
        FilesReserveReachedError, OSError."""
        room = self.room()
        if room.spare < length:
            raise ReserveReachedError(free=max(0, room.free - room.promised), reserve=room.kept)
        if room.free_files < room.kept_files:
            raise FilesReserveReachedError(free=room.free_files, reserve=room.kept_files)

    def require_for_records(self) -> None:
        """Raises the errors of `require` if the disk has no space for new records in the embedded database. Does
        nothing if this database is not on this disk."""
        if self.holds_database:
            with suppress(OSError):
                # The promised bytes of running uploads do not count here, because they may never arrive.
                if self.is_reached:
                    self.require()

    @contextmanager
    def promised(self, length: int) -> Iterator[Promise]:
        """Checks the space for an upload, and reserves its next bytes during the block.

        At most the next `AHEAD` bytes are reserved, so that a client that announces a large upload and sends nothing
        does not block other uploads. Raises ReserveReachedError, OSError.
        """
        self.require(length)
        promise = Promise(self, length)
        self._promised += promise.aside
        try:
            yield promise
        finally:
            self.release(promise.aside)

    def release(self, count: int) -> None:
        """Ends the reservation of `count` bytes for running writes."""
        self._promised -= count


class Promise:
    """The bytes that are reserved for one running write. `left` is the number of bytes that are still to come, and
    `aside` the number of bytes that are reserved for them."""

    def __init__(self, reserve: DiskReserve, length: int) -> None:
        self._reserve = reserve
        self._unseen = 0
        self.left = length
        self.aside = min(length, AHEAD)

    def wrote(self, count: int) -> None:
        """Records that `count` bytes were written. Checks the disk again after each mebibyte. Raises
        ReserveReachedError, OSError."""
        self.left -= min(count, self.left)
        aside = min(self.left, AHEAD)
        self._reserve.release(self.aside - aside)
        self.aside = aside
        self._unseen += count
        if self._unseen >= LOOK_EVERY:
            self._unseen = 0
            room = self._reserve.room()
            # The space for the promised bytes was checked before. This check covers later writes of other processes.
            if room.free < room.kept:
                raise ReserveReachedError(free=room.free, reserve=room.kept)
