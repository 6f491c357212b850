"""Room on disk that is kept for the embedded database, and is there for it when the disk is full.

One file of real blocks, shortened piece by piece while next to nothing is free, and lengthened again when there is
room. Without a segment to write its log to PostgreSQL ends; without one more page for a table it deletes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

MIB = 1024 * 1024

PIECE = 16 * MIB
"""Bytes that are given up at a time: a segment of PostgreSQL's log."""
LARGEST = 64 * MIB
"""Bytes that are kept on a disk of half a gibibyte or more, and an eighth of a smaller one."""
LOW = 2 * PIECE
"""Bytes that are to be free at any time, so that PostgreSQL finds room before the next look at the disk."""


def size_on(total: int) -> int:
    """The ballast's size in bytes on a file system of `total` bytes: a number of whole pieces."""
    return min(LARGEST, total // 8) // PIECE * PIECE


class Ballast:
    """The file. Many processes may look at it; one, which holds the data folder, changes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_kept(self) -> bool:
        """Whether there is a file, however short: where the database is on this disk."""
        return self._path.exists()

    def missing(self, total: int) -> int:
        """Bytes that have been given up on a file system of `total` bytes; 0 where no ballast is kept."""
        try:
            return max(0, size_on(total) - self._path.stat().st_size)
        except FileNotFoundError:
            return 0

    def give_up(self) -> int:
        """Gives up a piece, or the rest; gives the bytes, 0 if there is nothing left. Raises OSError."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return 0
        left = max(0, size - PIECE)
        if size > left:
            os.truncate(self._path, left)
        return size - left

    def grow(self) -> None:
        """Makes the file, a piece longer if it is there. Raises OSError, after which it is as long as it was."""
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
        """Makes an empty file where there is none: from now on its whole size is missing. Raises OSError."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))


def _allocate(descriptor: int, start: int, length: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, length)
        return
    for at in range(start, start + length, MIB):
        os.pwrite(descriptor, bytes(MIB), at)
