"""Packs a folder as a zip. The same files always result in the same bytes."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from easel.bundles import write
from easel.bundles.root import ENTRY_POINT, home_page
from easel.bundles.write import FoundFile as FoundFile
from easel.cli.shipping.errors import (
    BackslashError,
    EntryPointMissingError,
    FileNameError,
    FileUnreadableError,
    LinkBrokenError,
    LinkLoopError,
    LinkOutsideError,
)
from easel.cli.shipping.ignore import IgnoreRules


@dataclass(frozen=True, slots=True)
class ExcludedFile:
    """An excluded file or folder, and the reason. A folder's path ends with '/'."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The packed and the excluded files of a folder, sorted by path."""

    files: tuple[FoundFile, ...]
    left_out: tuple[ExcludedFile, ...]

    @property
    def size(self) -> int:
        """Returns the total size in bytes of the files that are packed."""
        return sum(file.size for file in self.files)


def select(folder: Path, rules: IgnoreRules) -> Selection:
    """Returns the files of a folder that belong to the app. Links to files and folders inside the folder are followed.

    Raises EntryPointMissingError, LinkOutsideError, LinkBrokenError, LinkLoopError, FileNameError, BackslashError,
    FileUnreadableError.
    """
    walk = _Walk(folder.resolve(), rules)
    walk.enter(walk.root, "", (walk.root,))
    files = sorted(walk.files, key=lambda file: file.path.encode())
    if home_page([file.path for file in files]) is None:
        ignored = next((entry for entry in walk.left_out if entry.path == ENTRY_POINT), None)
        hint = (
            f"Its index.html is left out {_by(ignored.reason)}."
            if ignored
            else "Deploy the folder that your build writes."
        )
        raise EntryPointMissingError(folder=str(folder), hint=hint)
    return Selection(tuple(files), tuple(sorted(walk.left_out, key=lambda entry: entry.path)))


def _by(reason: str) -> str:
    return f"by {reason}" if reason.startswith(".") else reason


@dataclass(slots=True)
class _Walk:
    """One walk through a folder, which collects the files to pack."""

    root: Path
    rules: IgnoreRules
    files: list[FoundFile] = field(default_factory=list)
    left_out: list[ExcludedFile] = field(default_factory=list)

    def enter(self, folder: Path, prefix: str, inside: tuple[Path, ...]) -> None:
        """Visits a folder. `inside` are the real paths of its parent folders, by which a loop is detected."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise FileUnreadableError(path=prefix or str(folder), reason=error.strerror) from error
        for entry in entries:
            # macOS may return decomposed names, but links in pages are composed (UAX #15).
            path = prefix + unicodedata.normalize("NFC", entry.name)
            place = Path(entry.path)
            is_folder = entry.is_dir()
            reason = self.rules.reason(path, folder=is_folder, place=None if is_folder else place)
            if reason is None and entry.is_symlink():
                place = self._target(place, path)
                inner = place.relative_to(self.root).as_posix()
                # A link must not include a file that is ignored under its own name.
                reason = self.rules.reason_with_parents(inner) if inner != "." else None
            if reason is not None:
                self.left_out.append(ExcludedFile(_shown(path) + ("/" if is_folder else ""), reason))
                continue
            _check_name(entry.name, path)
            if is_folder:
                real = place.resolve()
                if real in inside:
                    raise LinkLoopError(path=path)
                self.enter(place, path + "/", (*inside, real))
            else:
                self._take(place, path)

    def _target(self, link: Path, path: str) -> Path:
        try:
            target = link.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise LinkBrokenError(path=path) from error
        if not target.is_relative_to(self.root):
            raise LinkOutsideError(path=path, target=str(target))
        return target

    def _take(self, place: Path, path: str) -> None:
        try:
            status = place.stat()
        except OSError as error:
            raise FileUnreadableError(path=path, reason=error.strerror) from error
        if stat.S_ISREG(status.st_mode):
            self.files.append(FoundFile(path, place, status.st_size))
        else:
            self.left_out.append(ExcludedFile(path, "not a regular file"))


def _check_name(name: str, path: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise FileNameError(path=_shown(path)) from error
    if "\\" in name:
        raise BackslashError(path=path)


def _shown(path: str) -> str:
    """Returns the path with an escape for each byte that is not text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace") if not path.isprintable() else path


def write_zip(selection: Selection, target: IO[bytes], progress: Callable[[int], None]) -> int:
    """Writes the zip, and returns its size in bytes. `progress` receives the number of bytes read.

    Raises FileUnreadableError.
    """
    try:
        return write.write_zip(selection.files, target, progress)
    except write.UnreadableError as error:
        raise FileUnreadableError(path=error.path, reason=error.reason) from error
