"""Compares two versions: files by content, configuration by section, sources line by line. All functions are pure."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping
from typing import Literal

import msgspec

from easel.apps.config import Config, by_section, masked_text
from easel.bundles.models import Manifest

LONGEST_COMPARED = 20_000
"""Maximum number of lines of a file that is compared line by line. Nobody reads the differences of longer files, and
comparing such a file may take seconds."""
COMPARE_BUDGET = 2
"""Maximum processor time in seconds for comparing the sources of two versions. Later files are not compared line by
line."""

Contents = Mapping[str, tuple[str, int]]
"""The files of a version: a map from path to (content hash, size in bytes)."""


def contents(manifest: Manifest | None) -> dict[str, tuple[str, int]]:
    """Returns the files of a version by path, each with its content hash and its size in bytes."""
    return {path: (member.hash, member.size) for path, member in manifest.files.items()} if manifest else {}


def section_paths(sections: Iterable[str], taken: Iterable[Container[str]]) -> dict[str, str]:
    """Returns the paths under which a diff shows the sections of the configuration: `meta` → `config/meta.json`.
    `taken` are the paths of the app's files.

    If the app has a file at such a path, the section gets the path `/config/meta.json`, because no file of an app has a
    path that begins with a slash.
    """
    names = list(taken)
    paths = {section: f"config/{section}.json" for section in sections}
    return {section: f"/{path}" if any(path in known for known in names) else path for section, path in paths.items()}


def configuration(config: Config, paths: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Returns the sections of the configuration as files, under the paths that `section_paths` returned."""
    return {paths[section]: content for section, content in by_section(config).items()}


class FileChange(msgspec.Struct, frozen=True):
    """The difference of one file between two versions. It has the fields of FileDiff in the API, but is light enough
    for a hundred thousand files. Sizes are in bytes."""

    path: str
    status: Literal["added", "removed", "modified", "unchanged"]
    old_hash: str | None
    new_hash: str | None
    old_size: int | None
    new_size: int | None
    size_delta: int


class Rename(msgspec.Struct, frozen=True):
    """A file that has the same content in both versions, but another path."""

    from_path: str
    to_path: str
    hash: str


def compare(old: Contents, new: Contents) -> list[FileChange]:
    """Compares the files of two versions. Returns the difference of each path, sorted by path. Contents are compared by
    hash. Unchanged paths are listed too."""
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
    """Returns the number of files with each of the four statuses (added, removed, modified, unchanged)."""
    counts = Counter(file.status for file in files)
    return {status: counts[status] for status in ("added", "removed", "modified", "unchanged")}


def renames(files: list[FileChange]) -> list[Rename]:
    """Returns pairs of removed and added files with the same content, in the order of their paths."""
    added: dict[str, deque[str]] = {}
    for file in files:
        if file.status == "added" and file.new_hash is not None:
            added.setdefault(file.new_hash, deque()).append(file.path)
    found = []
    for file in files:
        if file.status == "removed" and file.old_hash is not None and added.get(file.old_hash):
            target = added[file.old_hash].popleft()
            found.append(Rename(from_path=file.path, to_path=target, hash=file.old_hash))
    return found


def source_diff(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Returns unified diffs of all source files that differ between two versions, as git writes them."""
    until = time.thread_time() + COMPARE_BUDGET
    return {
        path: unified(path, old.get(path), new.get(path), compared=time.thread_time() < until)
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    }


def config_diff(old: Config, new: Config, paths: Mapping[str, str]) -> dict[str, str]:
    """Returns unified diffs of the configuration's sections that differ between two versions, with secrets masked."""
    differ = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    before = {paths[name]: masked_text(old[name]) for name in differ if name in old}
    after = {paths[name]: masked_text(new[name]) for name in differ if name in new}
    return source_diff(before, after)


def unified(path: str, old: str | None, new: str | None, *, compared: bool = True) -> str:
    """Returns the unified diff of one file. If a content is None, this version does not have the file. `compared` is
    false if there is no time left for a line-by-line comparison."""
    sides = (f"a/{path}" if old is not None else "/dev/null", f"b/{path}" if new is not None else "/dev/null")
    head = f"--- {sides[0]}\n+++ {sides[1]}\n"
    before, after = (old or "").encode(), (new or "").encode()
    if max(before.count(b"\n"), after.count(b"\n")) > LONGEST_COMPARED:
        return f"{head}The file is too long for a line-by-line comparison.\n"
    if not compared:
        return f"{head}The file has too many differences for a line-by-line comparison.\n"
    # libgit2 takes 20 MiB of memory. It is imported here, because only this function needs it.
    from pygit2 import Patch
    from pygit2.enums import DiffOption

    # Git's comparison stops searching for the shortest difference if the search takes long.
    patch = Patch.create_from(before, after, flag=DiffOption.FORCE_TEXT).data
    _, border, hunks = patch.partition(b"\n@@ ")
    return head + (border[1:] + hunks).decode("utf-8", "replace")
