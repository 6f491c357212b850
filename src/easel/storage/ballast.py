"""The ballast: disk space that is reserved for the embedded database, and freed for it when the disk is full.

The ballast is one file of allocated blocks. The file is shortened piece by piece while the disk is almost full, and
lengthened again when there is space. PostgreSQL stops if it cannot write a segment of its log. It cannot even delete
rows if it has no space for one more page of a table.
"""

from __future__ import annotations

import os
from pathlib import Path

MIB = 1024 * 1024

PIECE = 16 * MIB
"""Number of bytes of the ballast that are freed at a time. It is the size of a segment of PostgreSQL's log."""
LARGEST = 64 * MIB
"""Maximum size of the ballast in bytes, used on a disk of half a gibibyte or more. On a smaller disk, the ballast is an
eighth of the disk."""
LOW = 2 * PIECE
"""Free bytes below which the ballast shrinks, so that PostgreSQL has space until the next check of the disk."""


def size_on(total: int) -> int:
    """Returns the size of the ballast in bytes on a file system of `total` bytes. It is a multiple of `PIECE`, because
    the ballast is written and freed piece by piece."""
    return min(LARGEST, total // 8) // PIECE * PIECE


class Ballast:
    """The file that reserves disk space for the embedded database. Many processes may read its size. Only the process
    that has locked the data folder changes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_kept(self) -> bool:
        """Returns true if the ballast's file exists, however short it is. It exists only if the embedded database is on
        this disk."""
        return self._path.exists()

    def missing(self, total: int) -> int:
        """Returns the number of bytes of the ballast that are freed at present. `total` is the size of the file system
        in bytes. Returns 0 if there is no ballast."""
        try:
            return max(0, size_on(total) - self._path.stat().st_size)
        except FileNotFoundError:
            return 0

    def give_up(self) -> int:
        """Frees one piece of the ballast, or the whole ballast if it is smaller than a piece. Returns the number of
        freed bytes, or 0 if the ballast was already freed. Raises OSError."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return 0
        left = max(0, size - PIECE)
        if size > left:
            os.truncate(self._path, left)
        return size - left

    def grow(self) -> None:
        """Creates the ballast's file, or lengthens it by one piece. Raises OSError, after which its length is
        unchanged."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            try:
                _allocate(descriptor, size, PIECE)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)

    def make(self) -> None:
        """Creates an empty file if the ballast has no file. From then on, `missing` counts the whole ballast as freed.
        Raises OSError."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))


def _allocate(descriptor: int, start: int, length: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, length)
        return
    for at in range(start, start + length, MIB):
        os.pwrite(descriptor, bytes(MIB), at)
