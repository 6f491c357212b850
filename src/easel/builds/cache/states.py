"""The state of a build's dependencies before its commands. A later comparison shows whether the commands have changed
the dependencies."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from easel.builds.cache.folders import TIMEOUT
from easel.processes import end_process

_CHUNK = 64 * 1024
_ESCAPED = re.compile(r"([\\*?\[])")


@dataclass(frozen=True, slots=True)
class TreeState:
    """A snapshot of a tree of files. It maps the hash of each path to the hash of the entry's state. The state of a
    file is its inode and its change time, which no program can set (`st_ctim` of stat(3)). The state of a folder is its
    mode."""

    entries: dict[int, int]

    @classmethod
    async def of(cls, top: Path, paths: Iterable[str], without: Iterable[str], most: int) -> TreeState | None:
        """Returns a snapshot of the folders at `paths` below `top`, except for the paths of `without`. Returns None if
        the folders hold more than `most` files and folders, or if `find` cannot read all of them. Raises OSError."""
        command = ["find", "-P", *(f"./{path}" for path in paths)]
        for path in without:
            command += ["-path", _ESCAPED.sub(r"\\\1", f"./{path}"), "-prune", "-o"]
        command += ["-type", "d", "-printf", r"%m %p\0", "-o", "-printf", r"%y%i.%C@ %p\0"]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=top,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        found: dict[int, int] = {}
        begun = b""
        try:
            async with asyncio.timeout(TIMEOUT):
                while chunk := await process.stdout.read(_CHUNK):
                    *whole, begun = (begun + chunk).split(b"\0")
                    for entry in whole:
                        state, _, name = entry.partition(b" ")
                        found[hash(name)] = hash(state)
                    if len(found) > most:
                        return None
                return cls(found) if await process.wait() == 0 else None
        finally:
            await end_process(process)

    def is_part_of(self, other: TreeState) -> bool:
        """Returns true if the other snapshot contains every path of this snapshot."""
        return self.entries.keys() <= other.entries.keys()
