"""The texts of a tree, by which versions are compared line by line."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from easel.bundles.names import check_path
from easel.errors import EaselError
from easel.settings import Settings

_LEFT_OUT: Final = frozenset({".git", "node_modules", ".hg", ".svn", "__pycache__", ".venv"})
_LOCK_FILES: Final = frozenset(
    {
        "package-lock.json",
        "npm-shrinkwrap.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        "bun.lock",
        "composer.lock",
        "poetry.lock",
        "uv.lock",
        "Cargo.lock",
        "Gemfile.lock",
        "deno.lock",
    }
)
LONGEST_LOCK: Final = 256 * 1024
"""Bytes of a lock file that is compared; longer ones would take the room of everything else."""
MOST_LOOKED_AT: Final = 200_000
"""Files whose sizes are asked for."""
DEEPEST: Final = 64
"""Folders in folders that are looked into."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """How many texts, and how many bytes in all, are taken of a tree."""

    files: int
    bytes: int

    @classmethod
    def of(cls, settings: Settings) -> SourceLimits:
        """As the settings say of all deploys."""
        return cls(settings.source_files_max_count, settings.source_files_max_bytes)


def source_files(tree: Path, limits: SourceLimits) -> dict[str, str]:
    """The texts of the tree by path, sorted: of too many the smallest, the same ones for the same tree. Links are not
    followed. Left out are files that are no UTF-8 or very deep, dependencies, Git's own and long lock files."""
    texts: dict[str, str] = {}
    total = 0
    for size, path in sorted(_sized(tree, limits.bytes)):
        if len(texts) >= limits.files or size > limits.bytes - total:
            break
        text = _text(tree / path, limits.bytes - total)
        name = _name(path)
        if text is None or name is None or name in texts:
            continue
        texts[name] = text
        total += len(text.encode())
    return dict(sorted(texts.items()))


def _sized(tree: Path, most: int) -> Iterator[tuple[int, str]]:
    looked_at = 0
    for folder, folders, names in os.walk(tree):
        prefix = "" if Path(folder) == tree else Path(folder).relative_to(tree).as_posix() + "/"
        is_deep = prefix.count("/") >= DEEPEST
        folders[:] = [] if is_deep else sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            looked_at += 1
            if looked_at > MOST_LOOKED_AT:
                return
            found = os.lstat(os.path.join(folder, name))
            longest = min(most, LONGEST_LOCK) if name in _LOCK_FILES else most
            if stat.S_ISREG(found.st_mode) and found.st_size <= longest:
                yield found.st_size, prefix + name


def _text(file: Path, most: int) -> str | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as opened:
        data = opened.read(most + 1)
    if len(data) > most or b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _name(path: str) -> str | None:
    """The path in the form of a version's, or None for one that no version may have."""
    try:
        path.encode()
        return check_path(path)
    except (EaselError, UnicodeEncodeError):
        return None
