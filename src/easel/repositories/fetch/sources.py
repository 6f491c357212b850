"""Collects the text files of a commit, for a line-by-line comparison of versions."""

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
"""Maximum size in bytes of a lock file that is compared. A longer file would take the space of all other files."""
MOST_LOOKED_AT: Final = 200_000
"""Maximum number of files in a folder tree whose sizes are read."""
DEEPEST: Final = 64
"""Maximum depth of folders that are searched."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """Limits of the text files that are collected: their number, and their total bytes."""

    files: int
    bytes: int

    @classmethod
    def of(cls, settings: Settings) -> SourceLimits:
        """Returns the limits of text files that the settings contain. They apply to all deploys."""
        return cls(settings.source_files_max_count, settings.source_files_max_bytes)


def source_files(tree: Path, limits: SourceLimits) -> dict[str, str]:
    """Returns the text files in the folder `tree` by path, sorted.

    If there are too many text files, the smallest are returned, so the same tree always has the same result. Links are
    not followed. Files that are not UTF-8, very deep files, dependencies, Git's own files and long lock files are left
    out.
    """
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
    """Returns a file's path in the form that paths in a version have. Returns None if no version can have this path."""
    try:
        path.encode()
        return check_path(path)
    except (EaselError, UnicodeEncodeError):
        return None
