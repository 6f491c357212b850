"""A separate disk of a machine that is small enough to be filled."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 96 * 1024 * 1024


class SmallDisk:
    """A small file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leaves no byte free, even if some have been freed since the last call."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(256 * 1024))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Frees the space that `fill` took."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, size: int = SIZE) -> Iterator[SmallDisk | None]:
    """Yields a disk of `size` bytes at the folder. Yields None, with an ordinary folder, if no disk can be mounted,
    because mounting requires root."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        # The disk is unmounted lazily, because a process that was just killed may still be ending.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
