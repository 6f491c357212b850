"""A folder that strangers filled: looked at and read without following a link out of it."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

SANDBOX: Final = "/build"
"""The place of a build's folder inside the sandbox, where absolute links lead."""
_MOST_LINKS: Final = 40
"""As many as Linux follows (path_resolution(7))."""
_MOST_PARTS: Final = 256
_MOST_NAMES: Final = 5_000
"""Entries of a folder that are looked at."""


class LeadsOutError(Exception):
    """A path that leads out of the tree, or in a circle. Not a refusal: callers say which file is meant."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} {reason}")


class Tree:
    """A folder whose content is not trusted. Paths are relative to it, with '/' between their parts; "" is itself.

    Links inside it are followed, absolute ones as a build in the sandbox follows them. Nothing may change the folder
    meanwhile.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))

    def real(self, path: str) -> str | None:
        """The same path without links, or None if nothing is there. Raises LeadsOutError."""
        ahead = _parts(path)[::-1]
        behind: list[str] = []
        links = 0
        while ahead:
            if len(ahead) + len(behind) > _MOST_PARTS:
                raise LeadsOutError(path, "is too long")
            part = ahead.pop()
            if part == "..":
                if not behind:
                    raise LeadsOutError(path, "leads out of the folder")
                behind.pop()
                continue
            place = self._place([*behind, part])
            try:
                mode = os.lstat(place).st_mode
                target = os.readlink(place) if stat.S_ISLNK(mode) else None
            except (OSError, ValueError):
                return None
            if target is None:
                behind.append(part)
                if ahead and not stat.S_ISDIR(mode):
                    return None
                continue
            links += 1
            if links > _MOST_LINKS:
                raise LeadsOutError(path, "leads in a circle")
            if target.startswith("/"):
                target = self._inside(path, target)
                behind = []
            ahead += _parts(target)[::-1]
        return "/".join(behind)

    def _inside(self, path: str, target: str) -> str:
        for top in (SANDBOX, str(self.root)):
            if target == top or target.startswith(f"{top}/"):
                return target[len(top) :]
        raise LeadsOutError(path, "leads out of the folder")

    def place(self, path: str) -> Path | None:
        """Where it really lies on this machine, or None if nothing is there. Raises LeadsOutError."""
        real = self.real(path)
        return None if real is None else Path(self._place(real.split("/") if real else []))

    def _place(self, parts: list[str]) -> str:
        return "/".join([str(self.root), *parts])

    def kind(self, path: str) -> Literal["file", "folder"] | None:
        """What is there; None for nothing, for anything else, and for a link out of the tree."""
        try:
            place = self.place(path)
            mode = 0 if place is None else os.lstat(place).st_mode
        except (OSError, LeadsOutError):
            return None
        return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else None

    def is_file(self, path: str) -> bool:
        """Whether a regular file is there."""
        return self.kind(path) == "file"

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there."""
        return self.kind(path) == "folder"

    def head(self, path: str, most: int) -> bytes | None:
        """The file's first bytes, or None if there is no file. Raises LeadsOutError, OSError."""
        place = self.place(path)
        if place is None:
            return None
        # A pipe would keep its reader waiting.
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        with open(descriptor, "rb") as file:
            return file.read(most)

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted; those beyond the first 5,000 that the system lists are left out."""
        try:
            place = self.place(path)
            if place is None:
                return []
            with os.scandir(place) as entries:
                return sorted(entry.name for entry, _ in zip(entries, range(_MOST_NAMES), strict=False))
        except (OSError, LeadsOutError):
            return []

    def matches(self, pattern: str, base: str = "") -> list[str]:
        """The paths below `base` that fit the pattern, in which a `*` stands for any part of a name."""
        found = [base]
        for part in pattern.split("/"):
            found = [path for folder in found for path in self._children(folder, part)][:_MOST_NAMES]
        return found

    def _children(self, folder: str, part: str) -> Iterator[str]:
        if "*" not in part:
            names = [part] if self.kind(joined(folder, part)) else []
        else:
            fits = re.compile(fnmatch.translate(part)).match
            names = [name for name in self.names(folder) if fits(name) and (name[0] != "." or part[0] == ".")]
        yield from (joined(folder, name) for name in names)


def joined(folder: str, path: str) -> str:
    """The path of something in a folder; either may be ""."""
    return f"{folder}/{path}" if folder and path else folder or path


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
