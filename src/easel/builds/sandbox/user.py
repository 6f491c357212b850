"""The user of builds if root started Easel. The kernel counts processes by user and exempts root, and builds could
write root's files. So each builder process of a machine has a separate user id for its builds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO, Final

from easel.files import lock_file
from easel.settings import Settings

FIRST: Final = 1_900_000_000
"""The first user id, in a range that no system allocates from (systemd's UIDS-GIDS: unused from 1,879,048,192 on)."""
FIRST_IN_CONTAINER: Final = 65_000
"""The first user id in a container with the usual 65,536 ids."""
MOST: Final = 64
"""Maximum number of builder processes of one machine that each have a separate user."""


class BuildUser:
    """A user id that no other builder process of this data folder has, during the life of this object."""

    def __init__(self, number: int, lock: IO[bytes]) -> None:
        self.number = number
        self._lock = lock

    @classmethod
    def claim(cls, settings: Settings) -> BuildUser | None:
        """Claims the next free user id. Returns None if builds run as Easel's own user, because Easel does not run as
        root, or runs as the root of a container without other users. Raises OSError."""
        if os.geteuid() != 0:
            return None
        first = settings.build_user or next(filter(_exists, (FIRST, FIRST_IN_CONTAINER)), None)
        if first is None:
            return None
        if not _exists(first):
            raise OSError(f"EASEL_BUILD_USER is {first}, but this container has no user with that id")
        settings.run_dir.mkdir(parents=True, exist_ok=True)
        for number in range(first, first + MOST):
            lock = (settings.run_dir / f"build-user-{number}").open("wb")
            if lock_file(lock):
                return cls(number, lock)
            lock.close()
        raise OSError(f"the limit of {MOST} builder processes with users on this machine is reached")


def own(folder: Path, user: int) -> None:
    """Gives a folder and its content to a user and the group of the same number, the folder with the mode 0700. Links
    are not followed. Raises OSError."""
    # A build may leave a tree that is deeper than the longest path. The system's program can handle that.
    command = ["chown", "-RhP", "--", f"{user}:{user}", str(folder)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise OSError((done.stderr.splitlines() or ["chown failed"])[0])
    folder.chmod(0o700)


def _exists(user: int) -> bool:
    """Returns true if the user id exists in this process's user namespace."""
    with Path("/proc/self/uid_map").open() as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    return any(first <= user < first + count for first, _, count in ranges)
