"""The folders of builds on a builder's disk: one for each builder, which goes with it."""

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
"""The user of builds has to pass these folders, and can list none of them."""


class WorkFolder:
    """A folder of one builder process, for one build after another. It is private: builds run as another user where
    Easel was started by root, and no build sees another one's files."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def made(cls, settings: Settings) -> WorkFolder:
        """A new one. Removes those of builders that were killed, and only those: each living one holds a lock. Raises
        OSError."""
        # Sandboxes mount what is in it, so no part of the path may depend on the working folder.
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
        """An empty folder for the length of the block. Raises OSError."""
        path = _made_in(self.path)
        try:
            yield path
        finally:
            # A hundred thousand files take seconds, in which the builder has to give signs of life.
            await asyncio.shield(asyncio.to_thread(remove_tree, path))

    def remove(self) -> None:
        """Removes it, with what is left there."""
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
