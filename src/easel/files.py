"""Files on this machine's disk: hashed, mapped into memory, locked."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
from pathlib import Path
from typing import IO, Any


def hash_file(path: Path) -> str:
    """The SHA-256 (hex) of a file's bytes, which are read through a mapping. Raises OSError."""
    if path.stat().st_size == 0:
        return hashlib.sha256().hexdigest()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return hashlib.sha256(view).hexdigest()


def map_file(path: Path) -> memoryview:
    """A file's bytes, mapped for as long as anything refers to the view. Raises OSError, and ValueError for an empty
    file."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def lock_file(file: IO[Any]) -> bool:
    """Takes the lock of an open file, which is given back when the file is closed or the process ends: False where
    another process holds it. Raises OSError where the file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
