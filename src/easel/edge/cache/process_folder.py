"""The cache folders of a machine's edge processes. Each process has its own folder, and takes over the files of ended
processes."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import IO

from easel.files import lock_file

WHOLE = 0o400
"""The file mode that marks a complete file."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NO_BOOT = "0" * 8
_OF_PROCESS = re.compile(r"([0-9a-f]{8})-[0-9a-f]+(?:[.]left)?")
_OF_EARLIER_RELEASE = re.compile(r"[0-9]+")
_LOCK = "lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Errors with which file systems report that they have no locks."""


def folder_of_process(root: Path) -> tuple[Path, IO[bytes] | None, OrderedDict[str, int]]:
    """Returns three values: a cache folder for this process, the folder's lock, and the complete files of ended
    processes (bytes by name, the oldest first). Removes the incomplete files of ended processes. As long as the lock is
    open, other processes see that this process is alive. The lock is None if the file system cannot lock files. Raises
    OSError."""
    root.mkdir(parents=True, exist_ok=True)
    boot = _boot()
    own, lock = _made(root, boot)
    taken: list[tuple[float, str, int]] = []
    for left in list(root.iterdir()):
        if left == own:
            continue
        if _OF_EARLIER_RELEASE.fullmatch(left.name) and not Path(f"/proc/{left.name}").exists():
            shutil.rmtree(left, ignore_errors=True)
        named = _OF_PROCESS.fullmatch(left.name)
        # The lock shows whether a process has ended. Its id may since have been given to another process. In a
        # container, this process may have the same id.
        if named is None or (of_left := _lock_left(left)) is None:
            continue
        with of_left:
            # After a restart of the machine, a file may be incomplete.
            if named[1] == boot != _NO_BOOT:
                taken += _taken(left, own)
            shutil.rmtree(left, ignore_errors=True)
    return own, lock, OrderedDict((name, size) for _, name, size in sorted(taken))


def _boot() -> str:
    """Returns the identity of the machine's current boot. Returns _NO_BOOT if the system does not state one."""
    try:
        return _BOOT.read_text()[:8]
    except OSError:
        return _NO_BOOT


def _made(root: Path, boot: str) -> tuple[Path, IO[bytes] | None]:
    while True:
        own = root / f"{boot}-{secrets.token_hex(8)}"
        own.mkdir()
        try:
            lock = _lock(own)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return own, None
            shutil.rmtree(own, ignore_errors=True)
            raise
        # Before this process had the lock, another process may have removed the folder as abandoned.
        if lock is not None:
            return own, lock


def _lock(folder: Path) -> IO[bytes] | None:
    """Locks the folder and returns the lock. Returns None if another process holds the lock or the folder is gone.
    Raises OSError."""
    try:
        lock = (folder / _LOCK).open("ab")
    except FileNotFoundError:
        return None
    try:
        if lock_file(lock) and os.path.samestat(os.fstat(lock.fileno()), (folder / _LOCK).stat()):
            return lock
    except FileNotFoundError:
        pass
    except OSError:
        lock.close()
        raise
    lock.close()
    return None


def _lock_left(folder: Path) -> IO[bytes] | None:
    """Locks the folder of a process that has ended, and returns the lock. Returns None if the process is alive, or if
    the folder cannot be locked."""
    try:
        return _lock(folder)
    except OSError:
        return None


def _taken(left: Path, own: Path) -> list[tuple[float, str, int]]:
    taken = []
    for file in list(left.iterdir()):
        with suppress(OSError):
            found = file.stat()
            if stat.S_IMODE(found.st_mode) == WHOLE:
                file.rename(own / file.name)
                taken.append((found.st_mtime, file.name, found.st_size))
    return taken
