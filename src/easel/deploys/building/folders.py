"""The folders of builds on a builder's disk. Each builder process creates its own folder, and removes it when it
ends."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from easel.builds.cache.folders import remove_tree
from easel.files import lock_file
from easel.settings import Settings

_LOCK = "lock"
_PASSABLE = 0o711
"""The mode of folders that the user who runs builds can enter, but not list."""


class WorkFolder:
    """The folder of a builder process, in which its builds run one after another.

    The folder is private. If root started Easel, builds run as another user, and no build sees the files of another
    build.
    """

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def made(cls, settings: Settings) -> WorkFolder:
        """Creates the folder of this builder process, and removes the folders of killed builders. A running builder
        holds a lock on its folder. Raises OSError."""
        # Sandboxes mount the folder's content, so its path must not depend on the working folder.
        top = settings.data_dir.resolve() / "builds" / "work"
        top.mkdir(mode=_PASSABLE, parents=True, exist_ok=True)
        for left in top.iterdir():
            _remove_if_left(left)
        path = _made_in(top)
        lock = (path / _LOCK).open("w")
        lock_file(lock)
        return cls(path, lock)

    @asynccontextmanager
    async def one_build(self) -> AsyncIterator[Path]:
        """Yields an empty folder for one build. The folder is removed at the end of the block. Raises OSError."""
        path = _made_in(self.path)
        try:
            yield path
        finally:
            # Removing a hundred thousand files takes seconds. In this time, the builder must report that it is alive.
            await asyncio.shield(asyncio.to_thread(remove_tree, path))

    def remove(self) -> None:
        """Removes the folder of this builder process and its content."""
        remove_tree(self.path)
        self._lock.close()


def _made_in(folder: Path) -> Path:
    path = Path(tempfile.mkdtemp(dir=folder))
    path.chmod(_PASSABLE)
    return path


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):
        lock = (folder / _LOCK).open("a")
        with lock:
            if lock_file(lock):
                remove_tree(folder)
