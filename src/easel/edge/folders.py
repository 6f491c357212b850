"""The folders of a machine's edge processes: each has one of its own, and takes over what those that are gone left."""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

WHOLE = 0o400
"""The mode of files that are whole."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_OF_PROCESS = re.compile(r"(?:([0-9a-f]{8})-)?([0-9]+)([.]left)?")


def folder_of_process(root: Path) -> tuple[Path, OrderedDict[str, int]]:
    """A folder for this process, and what lies in it already (bytes by name, the oldest first): files that are whole,
    of processes that are gone. What else those left is removed. Raises OSError."""
    boot = _BOOT.read_text()[:8] if _BOOT.exists() else "0" * 8
    own = root / f"{boot}-{os.getpid()}"
    root.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        # Of a process that is gone and had this one's number.
        own.rename(root / f"{boot}-{time.time_ns()}.left")
    own.mkdir()
    taken: list[tuple[float, str, int]] = []
    for left in list(root.iterdir()):
        named = _OF_PROCESS.fullmatch(left.name)
        if named is None or left == own or (named[3] is None and Path(f"/proc/{named[2]}").exists()):
            continue
        # Before a crash of the machine, what was written may have gone to the disk in part.
        if named[1] == boot:
            taken += _taken(left, own)
        shutil.rmtree(left, ignore_errors=True)
    return own, OrderedDict((name, size) for _, name, size in sorted(taken))


def _taken(left: Path, own: Path) -> list[tuple[float, str, int]]:
    taken = []
    # Another process may be about to take it as well: one of them gets it.
    for name in os.listdir(left) if left.exists() else ():
        with suppress(OSError):
            file = left / name
            found = file.stat()
            if stat.S_IMODE(found.st_mode) == WHOLE:
                file.rename(own / file.name)
                taken.append((found.st_mtime, name, found.st_size))
    return taken
