"""Lists the files of a commit before any of them is written, and writes them into a folder."""

from __future__ import annotations

import os
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from easel.bundles.names import printable
from easel.repositories.errors import FetchError, LfsError, RepositoryTooLargeError, SubmodulesError
from easel.repositories.fetch.models import FetchLimits, Remote
from easel.repositories.fetch.program import Git, Say

_LONGEST_ENTRY: Final = 64 * 1024
"""Maximum number of bytes of a line in Git's listing of a commit. A path that can be a file's path has at most 4,096
bytes."""
_POINTER: Final = b"version https://git-lfs.github.com/spec/v1\n"
_POINTER_SIZES: Final = range(100, 1025)
"""Possible sizes in bytes of an LFS pointer, the small file that Git stores in place of a large file (Git LFS
specification: less than 1,024)."""
_NAMED: Final = 5
"""Maximum number of paths in a message."""


@dataclass(slots=True)
class TreeListing:
    """The files and folders of a commit: their number, their total bytes, and the paths of special entries (links,
    submodules) by kind."""

    files: int = 0
    size: int = 0
    submodules: list[str] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)
    small: list[bytes] = field(default_factory=list)
    """Files that may be LFS pointers, because they have the size of one."""


async def list_tree(git: Git, sha: str, limits: FetchLimits) -> TreeListing:
    """Lists the files of the commit `sha` without writing them, because a small pack may contain an enormous tree.
    Raises RepositoryTooLargeError."""
    listed = TreeListing()
    entries = 0
    rest = b""
    async with aclosing(git.lines("ls-tree", "-r", "-t", "-l", "-z", "--full-tree", sha)) as pieces:
        async for piece in pieces:
            *lines, rest = (rest + piece).split(b"\0")
            entries += len(lines)
            for line in lines:
                _count(listed, line)
            if entries > limits.files:
                raise RepositoryTooLargeError(limit=limits.files, unit="files and folders")
            if listed.size > limits.bytes:
                raise RepositoryTooLargeError(limit=limits.bytes, unit="bytes")
            if len(rest) > _LONGEST_ENTRY:
                raise FetchError(reason="a path in the repository is too long.")
    return listed


def _count(listed: TreeListing, line: bytes) -> None:
    about, _, path = line.partition(b"\t")
    mode, kind, _, size = about.split()
    if kind == b"commit":
        listed.submodules.append(printable(path.decode("utf-8", "replace")))
    elif kind == b"blob":
        listed.files += 1
        listed.size += int(size)
        if mode == b"120000":
            listed.links.append(path)
        elif int(size) in _POINTER_SIZES:
            listed.small.append(path)


async def write_tree(git: Git, sha: str, listed: TreeListing, into: Path, remote: Remote, say: Say) -> None:
    """Writes the listed files of the commit into the folder `into`. No link in the folder leads out of it. Raises
    SubmodulesError, LfsError."""
    if listed.submodules:
        named = _names(listed.submodules)
        if "submodules" not in remote.allow:
            raise SubmodulesError(named=named)
        say(f"Easel does not fetch submodules, so these folders are empty: {named}")
    await git.run(f"--work-tree={into}", "checkout", "--quiet", "--force", "--detach", sha)
    if pointers := [path for path in listed.small if _is_pointer(into, path)]:
        named = _names([printable(path.decode("utf-8", "replace")) for path in pointers])
        if "lfs" not in remote.allow:
            raise LfsError(named=named)
        say(f"Easel does not fetch files from Git LFS, so these files contain only LFS pointers: {named}")
    if removed := _remove_leading_out(into, listed.links):
        say(f"Symbolic links that lead out of the repository were left out: {_names(removed)}")


def _is_pointer(into: Path, path: bytes) -> bool:
    try:
        # The file is opened at its own place in the tree, and never through a link.
        descriptor = os.open(os.path.join(os.fsencode(into), path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        return file.read(len(_POINTER)) == _POINTER


def _remove_leading_out(into: Path, links: list[bytes]) -> list[str]:
    """Removes the links whose targets are outside the folder, even if the targets do not exist."""
    inside = os.path.realpath(os.fsencode(into))
    removed = []
    for path in links:
        link = os.path.join(inside, path)
        if not os.path.islink(link):
            continue
        target = os.path.realpath(link)
        if target != inside and not target.startswith(inside + b"/"):
            os.unlink(link)
            removed.append(printable(path.decode("utf-8", "replace")))
    return removed


def _names(paths: list[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(f"`{path}`" for path in sorted(paths)[:_NAMED]) + more
