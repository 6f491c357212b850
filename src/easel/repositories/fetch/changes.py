"""Lists the paths that differ between two fetched commits."""

from __future__ import annotations

import os
from contextlib import aclosing
from typing import Final

from easel.repositories.fetch.program import Git

MOST_CHANGED: Final = 10_000
"""Maximum number of paths in a comparison of two commits."""
MOST_BYTES: Final = 1024 * 1024
"""Maximum number of bytes of all paths in a comparison of two commits."""


async def changed_paths(git: Git, before: str, after: str) -> list[str] | None:
    """Returns the paths that were added, changed or removed between two commits. A renamed file counts with both names.
    Returns None if there are more than `MOST_CHANGED` paths or `MOST_BYTES` bytes. Raises GitFailedError."""
    listed = bytearray()
    arguments = ("-r", "-z", "--name-only", "--no-renames", before, after, "--")
    async with aclosing(git.lines("diff-tree", *arguments)) as pieces:
        async for piece in pieces:
            listed += piece
            if len(listed) > MOST_BYTES:
                return None
    paths = bytes(listed).split(b"\0")[:-1]
    return [os.fsdecode(path) for path in paths] if len(paths) <= MOST_CHANGED else None
