"""Files on this machine's disk: hashing, mapping into memory, locking."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import weakref
from pathlib import Path
from typing import IO, Any


def hash_file(path: Path) -> str:
    """Returns the SHA-256 (hex) of a file's bytes, read through a mapping. Raises OSError."""
    if path.stat().st_size == 0:
        return hashlib.sha256().hexdigest()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return hashlib.sha256(view).hexdigest()


def map_file(path: Path) -> memoryview:
    """Returns a file's bytes, mapped as long as something refers to the view. Raises OSError, and ValueError for an
    empty file."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


class Mapping(mmap.mmap):
    """A file's bytes in memory, and the file's descriptor. The descriptor stays open as long as the mapping exists."""

    descriptor: int | None = None

    @classmethod
    def of(cls, descriptor: int) -> memoryview:
        """Maps the file of this descriptor, and takes over the descriptor. Raises OSError, and ValueError for an empty
        file."""
        try:
            mapping = cls(descriptor, 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            os.close(descriptor)
            raise
        mapping.descriptor = descriptor
        weakref.finalize(mapping, os.close, descriptor).atexit = False
        return memoryview(mapping)


def map_open(path: Path) -> memoryview:
    """Does the same as `map_file`, but the view's `Mapping` keeps the file's descriptor."""
    return Mapping.of(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def map_bytes(content: bytes, folder: Path | None = None) -> memoryview:
    """Returns these bytes in a file without a name, mapped as by `map_open`. The file is in the folder, or else in
    memory, from which the system sends more slowly. If the bytes cannot be mapped, or if the process has no descriptor
    left, returns a view of the bytes themselves."""
    descriptor = _unnamed(content, folder) if folder is not None else None
    if descriptor is None:
        try:
            descriptor = os.memfd_create("easel", os.MFD_CLOEXEC)
        except (AttributeError, OSError):
            return memoryview(content)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
    return Mapping.of(descriptor)


def _unnamed(content: bytes, folder: Path) -> int | None:
    """Returns the descriptor of a new file without a name that contains the bytes. Returns None if the folder accepts
    no such file."""
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (AttributeError, OSError):
        return None
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def lock_file(file: IO[Any]) -> bool:
    """Locks an open file. The lock is released when the file is closed or the process ends. Returns false if another
    process has the lock. Raises OSError if the file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
