"""Packs a build's output as a zip. The same files always result in the same bytes."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from easel.builds.detect.errors import (
    BuiltDeepError,
    BuiltLinkError,
    BuiltNameError,
    BuiltSpecialFileError,
    BuiltTwiceError,
)
from easel.builds.tree import SPECIAL_KINDS, LeadsOutError, Tree, joined, make_readable, scan
from easel.bundles.errors import (
    FileTooLargeError,
    InflatesTooLargeError,
    NamesTooLongError,
    PathTooLongError,
    TooManyFilesError,
)
from easel.bundles.models import Limits
from easel.bundles.names import printable
from easel.bundles.root import PROJECT_SETTINGS, is_folder_icon, is_junk
from easel.bundles.write import FoundFile, write_zip
from easel.composed import composed

_REPOSITORIES: Final = frozenset({".git", ".hg", ".svn"})


@dataclass(frozen=True, slots=True)
class PackedOutput:
    """A written zip: the number of its files, their total size in bytes, the zip's own size in bytes, and the zip's
    SHA-256 (hex)."""

    files: int
    bytes: int
    size: int
    hash: str


def pack(source: Path, output: Path, to: Path, limits: Limits | None = None) -> PackedOutput:
    """Zips the folder `output`, which is inside the sources, into the file `to`.

    Links inside the output are followed. Absolute links are resolved as in the sandbox. Leaves out the `.git` of a
    folder that is served without a build, and files that no app needs. Keeps secrets, so that the bundle's inspection
    refuses them. Raises BuildPlanError (BuiltLinkError, BuiltSpecialFileError, BuiltNameError, BuiltDeepError,
    BuiltTwiceError), TooManyFilesError, FileTooLargeError, InflatesTooLargeError, NamesTooLongError, PathTooLongError.
    """
    walk = _Walk(source, output, limits or Limits())
    files = sorted(walk.files(), key=lambda file: file.path.encode())
    for file, following in pairwise(files):
        if file.path == following.path:
            raise BuiltTwiceError(path=printable(file.path))
    with to.open("wb") as target:
        size = write_zip(files, target)
    with to.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return PackedOutput(len(files), sum(file.size for file in files), size, digest)


@dataclass(slots=True)
class _Walk:
    """One walk through the folder of a build's output."""

    source: Path
    output: Path
    limits: Limits
    tree: Tree = field(init=False)
    prefix: str = field(init=False)
    count: int = 0
    names: int = 0
    size: int = 0
    files_found: int = 0

    def __post_init__(self) -> None:
        self.tree = Tree(self.source)
        place = Path(os.path.realpath(self.output))
        if not place.is_relative_to(self.tree.root):
            raise BuiltLinkError(path=printable(self.output.name), reason="leads out of the sources")
        self.prefix = "/".join(place.relative_to(self.tree.root).parts)

    def files(self) -> Iterator[FoundFile]:
        """Yields every file of the output. Each file is checked against the limits when it is found."""
        ahead: list[tuple[str, str, tuple[str, ...]]] = [("", self.prefix, (self.prefix,))]
        while ahead:
            shown, real, inside = ahead.pop()
            for name in self._listed(real, shown):
                path = joined(shown, self._name(name, shown))
                kind, place = self._real(joined(real, name), path)
                if self._is_left_out(path, folder=kind == "folder"):
                    continue
                if kind == "folder":
                    if place in inside:
                        raise BuiltLinkError(
                            path=printable(path), reason="leads to a folder that contains the link itself"
                        )
                    ahead.append((path, place, (*inside, place)))
                else:
                    yield self._file(path, place)

    def _listed(self, real: str, shown: str) -> list[str]:
        # Folders count too, because a build could make millions of empty folders.
        names = []
        with scan(self.tree.root / real) as entries:
            for entry in entries:
                self.count += 1
                if self.count > 2 * self.limits.max_files:
                    raise TooManyFilesError(count=self.count, limit=self.limits.max_files)
                names.append(entry.name)
        return names

    def _name(self, name: str, shown: str) -> str:
        try:
            raw = name.encode()
        except UnicodeEncodeError as error:
            path = joined(shown, os.fsencode(name).decode("utf-8", "backslashreplace"))
            raise BuiltNameError(path=printable(path)) from error
        size = len(raw) + (len(shown.encode()) + 1 if shown else 0)
        if size > self.limits.max_name_bytes:
            raise PathTooLongError(member=printable(joined(shown, name)), size=size, limit=self.limits.max_name_bytes)
        self.names += size + 1
        if self.names > self.limits.max_names_bytes:
            raise NamesTooLongError(size=self.names, limit=self.limits.max_names_bytes)
        # Names are composed (UAX #15), as on the command line, so that they match the links in pages.
        return composed(name)

    def _real(self, real: str, path: str) -> tuple[str, str]:
        """Returns the kind of an entry, "file" or "folder", and its path in the sources with links resolved. `real` is
        the entry's path in the sources, and `path` its path in the zip, for errors."""
        try:
            place = self.tree.real(real)
        except LeadsOutError as error:
            if not os.path.islink(self.tree.root / real):
                raise BuiltDeepError(path=printable(path)) from error
            raise BuiltLinkError(path=printable(path), reason=error.reason) from error
        if place is None:
            raise BuiltLinkError(path=printable(path), reason="leads to a file that does not exist")
        if self.prefix and place != self.prefix and not place.startswith(f"{self.prefix}/"):
            raise BuiltLinkError(path=printable(path), reason="leads out of the folder")
        mode = os.lstat(self.tree.root / place).st_mode
        for is_kind, kind in SPECIAL_KINDS:
            if is_kind(mode):
                raise BuiltSpecialFileError(path=printable(path), kind=kind)
        return "folder" if stat.S_ISDIR(mode) else "file", place

    def _is_left_out(self, path: str, *, folder: bool) -> bool:
        if path.rpartition("/")[2] in _REPOSITORIES or path == PROJECT_SETTINGS:
            return True
        return is_folder_icon(path) or is_junk(f"{path}/" if folder else path)

    def _file(self, path: str, place: str) -> FoundFile:
        found = os.lstat(self.tree.root / place)
        size = found.st_size
        self.files_found += 1
        self.size += size
        limits = self.limits
        if size > limits.max_file_size:
            raise FileTooLargeError(member=printable(path), size=size, limit=limits.max_file_size)
        if self.size > limits.max_total_size:
            raise InflatesTooLargeError(size=self.size, limit=limits.max_total_size)
        if self.files_found > limits.max_files:
            raise TooManyFilesError(count=self.files_found, limit=limits.max_files)
        if not found.st_mode & stat.S_IRUSR:
            make_readable(self.tree.root / place)
        return FoundFile(path, self.tree.root / place, size)
