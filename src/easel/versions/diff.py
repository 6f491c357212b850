"""Comparing two versions: files by content, configuration by section, sources line by line. Pure."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping
from typing import Literal

import msgspec

from easel.apps.config import Config, as_files, shown_text
from easel.bundles.models import Manifest

LONGEST_COMPARED = 20_000
"""Lines; comparing longer files line by line takes minutes and helps nobody."""

Contents = Mapping[str, tuple[str, int]]
"""path → (content hash, size in bytes)."""


def contents(manifest: Manifest | None, config: Config) -> dict[str, tuple[str, int]]:
    """Everything a version holds: its files, and its configuration as files under `config/`."""
    files = {path: (member.hash, member.size) for path, member in manifest.files.items()} if manifest else {}
    return {**files, **as_files(config)}


class FileChange(msgspec.Struct, frozen=True):
    """How one file differs: the contract's FileDiff, light enough for a hundred thousand of them. Sizes in bytes."""

    path: str
    status: Literal["added", "removed", "modified", "unchanged"]
    old_hash: str | None
    new_hash: str | None
    old_size: int | None
    new_size: int | None
    size_delta: int


class Rename(msgspec.Struct, frozen=True):
    """A file that is the same under another name."""

    from_path: str
    to_path: str
    hash: str


def compare(old: Contents, new: Contents) -> list[FileChange]:
    """How each path differs, sorted by path. The content's hash decides; unchanged paths are listed too."""
    return [_compare_one(path, old.get(path), new.get(path)) for path in sorted(old.keys() | new.keys())]


def _compare_one(path: str, old: tuple[str, int] | None, new: tuple[str, int] | None) -> FileChange:
    if old is None:
        assert new is not None
        return FileChange(path, "added", None, new[0], None, new[1], new[1])
    if new is None:
        return FileChange(path, "removed", old[0], None, old[1], None, -old[1])
    status: Literal["unchanged", "modified"] = "unchanged" if old[0] == new[0] else "modified"
    return FileChange(path, status, old[0], new[0], old[1], new[1], new[1] - old[1])


def summarise(files: list[FileChange]) -> dict[str, int]:
    """How many files have each of the four statuses."""
    counts = Counter(file.status for file in files)
    return {status: counts[status] for status in ("added", "removed", "modified", "unchanged")}


def renames(files: list[FileChange]) -> list[Rename]:
    """Removed and added files with the same content, paired in the order of their paths."""
    added: dict[str, list[str]] = {}
    for file in files:
        if file.status == "added" and file.new_hash is not None:
            added.setdefault(file.new_hash, []).append(file.path)
    found = []
    for file in files:
        if file.status == "removed" and file.old_hash is not None and added.get(file.old_hash):
            target = added[file.old_hash].pop(0)
            found.append(Rename(from_path=file.path, to_path=target, hash=file.old_hash))
    return found


def source_diff(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Unified diffs, as git writes them, of every source file that differs."""
    return {
        path: unified(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    }


def config_diff(old: Config, new: Config) -> dict[str, str]:
    """Unified diffs of the configuration's sections that differ, secrets masked."""
    before = {f"config/{name}.json": shown_text(value) for name, value in old.items()}
    after = {f"config/{name}.json": shown_text(value) for name, value in new.items()}
    return source_diff(before, after)


def unified(path: str, old: str | None, new: str | None) -> str:
    """The unified diff of one file, None being a file that is not there."""
    before = (old or "").splitlines(keepends=True)
    after = (new or "").splitlines(keepends=True)
    head = (f"a/{path}" if old is not None else "/dev/null", f"b/{path}" if new is not None else "/dev/null")
    if max(len(before), len(after)) > LONGEST_COMPARED:
        return f"--- {head[0]}\n+++ {head[1]}\nThe file is too long to be compared line by line.\n"
    lines = difflib.unified_diff(before, after, *head)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
