"""Reads a folder with untrusted content, without following a link out of it."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Literal

SANDBOX: Final = "/build"
"""The path of a build's folder in the sandbox. Absolute links refer to it."""
_MOST_LINKS: Final = 40
"""Maximum number of links in a path, as in Linux (path_resolution(7))."""
_MOST_PARTS: Final = 256
_MOST_NAMES: Final = 5_000
"""Maximum number of a folder's entries that are read."""
SPECIAL_KINDS: Final = (
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)
"""Functions that test a file's mode (`st_mode`), and the kind of entry that each function detects. These kinds are
neither file, folder nor link."""


class LeadsOutError(Exception):
    """Raised for a path that leads out of the tree, or to links in a circle. Callers raise another error, which
    contains the file's name."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} {reason}")


class Tree:
    """A folder with untrusted content.

    Paths are relative to the folder, with '/' between their parts. The path "" is the folder itself. Links inside the
    folder are followed, and absolute links are resolved as in the sandbox. The folder must not change while it is read.
    If a build has removed its own rights to an entry, which are Easel's rights too, they are restored.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))

    def real(self, path: str) -> str | None:
        """Returns the path with all links resolved, or None if it does not exist. Raises LeadsOutError."""
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
                mode = _mode(place)
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
        """Returns the real path on this machine, or None if it does not exist. Raises LeadsOutError."""
        real = self.real(path)
        return None if real is None else Path(self._place(real.split("/") if real else []))

    def _place(self, parts: list[str]) -> str:
        return "/".join([str(self.root), *parts])

    def kind(self, path: str) -> Literal["file", "folder"] | None:
        """Returns the kind of the entry. Returns None if the entry is missing, is neither a file nor a folder, or is a
        link out of the tree."""
        try:
            place = self.place(path)
            mode = 0 if place is None else os.lstat(place).st_mode
        except (OSError, LeadsOutError):
            return None
        return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else None

    def obstacle(self, path: str) -> str | None:
        """Returns why the entry at the path is neither file nor folder, as the end of a sentence, such as "is a named
        pipe". Returns None if the path is a file, is a folder, or does not exist."""
        folder, _, name = path.rpartition("/")
        try:
            around = self.place(folder)
            if around is None or not os.path.lexists(around / name):
                return None
            place = self.place(path)
            mode = 0 if place is None else os.lstat(place).st_mode
        except LeadsOutError as error:
            return f"is a link that {error.reason}"
        except (OSError, ValueError):
            return None
        if place is None:
            return "is a link that leads to a file that does not exist"
        return next((f"is {kind}" for is_kind, kind in SPECIAL_KINDS if is_kind(mode)), None)

    def is_file(self, path: str) -> bool:
        """Returns true if the path is a regular file."""
        return self.kind(path) == "file"

    def is_folder(self, path: str) -> bool:
        """Returns true if the path is a folder."""
        return self.kind(path) == "folder"

    def head(self, path: str, most: int) -> bytes | None:
        """Returns the first bytes of a file, or None if there is no file. Raises LeadsOutError, OSError."""
        place = self.place(path)
        if place is None:
            return None
        # Without O_NONBLOCK, opening a named pipe would block.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(place, flags)
        except PermissionError:
            make_readable(place)
            descriptor = os.open(place, flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        with open(descriptor, "rb") as file:
            return file.read(most)

    def names(self, path: str) -> list[str]:
        """Returns the names in a folder, sorted. Only the first 5,000 entries that the system lists are read."""
        try:
            place = self.place(path)
            if place is None:
                return []
            with scan(place) as entries:
                return sorted(entry.name for entry, _ in zip(entries, range(_MOST_NAMES), strict=False))
        except (OSError, LeadsOutError):
            return []

    def matches(self, pattern: str, base: str = "") -> list[str]:
        """Returns the paths below `base` that match the pattern. A `*` matches a part of any name."""
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


def _mode(place: str) -> int:
    try:
        return os.lstat(place).st_mode
    except PermissionError:
        make_readable(os.path.dirname(place))
        return os.lstat(place).st_mode


def scan(place: Path) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    """Returns the entries of a folder, like os.scandir. First restores the right to read the folder. Raises OSError."""
    try:
        return os.scandir(place)
    except PermissionError:
        make_readable(place)
        return os.scandir(place)


def make_readable(place: str | Path) -> None:
    """Gives the owner of a file or folder all rights to it. The path must contain no link. Raises OSError."""
    os.chmod(place, stat.S_IRWXU)


def joined(folder: str, path: str) -> str:
    """Returns the path of an entry in a folder. Either argument may be ""."""
    return f"{folder}/{path}" if folder and path else folder or path


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
