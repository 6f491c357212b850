"""A folder as a zip, reproducibly: the same files always give the same bytes."""

from __future__ import annotations

import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from easel.bundles.root import ENTRY_POINT, home_page
from easel.cli.shipping.errors import (
    EntryPointMissingError,
    FileNameError,
    FileUnreadableError,
    LinkBrokenError,
    LinkLoopError,
    LinkOutsideError,
)
from easel.cli.shipping.ignore import IgnoreRules

CHUNK = 256 * 1024
# The earliest moment a zip can tell (APPNOTE.TXT 4.4.6); any fixed one would do.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
# Deflating these again gains nothing, and a stored member is served in ranges as it lies. Of others it is found out.
_COMPRESSED = frozenset(
    f".{extension}"
    for kind in (
        ("avif", "gif", "jpeg", "jpg", "png", "webp"),
        ("aac", "m4a", "mov", "mp3", "mp4", "ogg", "opus", "webm"),
        ("woff", "woff2"),
        ("7z", "br", "gz", "zip", "zst"),
    )
    for extension in kind
)
_WORTH_IT = 0.95
_PART = 256 * 1024
_PARTS = 4
_LOOK = 16 * 1024
_ZLIB_FRAME = 6


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of the app: its path in the zip, its location, its size in bytes."""

    path: str
    source: Path
    size: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An excluded file or folder, and why. A folder's path ends with '/'."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The packed and the excluded files of a folder, sorted by path."""

    files: tuple[FoundFile, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def size(self) -> int:
        """The size of all files together, in bytes."""
        return sum(file.size for file in self.files)


def select(folder: Path, rules: IgnoreRules) -> Selection:
    """The files of a folder that make the app. Links to files and folders inside it are followed.

    Raises EntryPointMissingError, LinkOutsideError, LinkBrokenError, LinkLoopError, FileNameError, FileUnreadableError.
    """
    walk = _Walk(folder.resolve(), rules)
    walk.enter(walk.root, "", (walk.root,))
    files = sorted(walk.files, key=lambda file: file.path.encode())
    if home_page([file.path for file in files]) is None:
        ignored = next((entry for entry in walk.left_out if entry.path == ENTRY_POINT), None)
        hint = f"It is left out {_by(ignored.reason)}." if ignored else "Deploy the folder your build writes."
        raise EntryPointMissingError(folder=str(folder), hint=hint)
    return Selection(tuple(files), tuple(sorted(walk.left_out, key=lambda entry: entry.path)))


def _by(reason: str) -> str:
    return f"by {reason}" if reason.startswith(".") else reason


@dataclass(slots=True)
class _Walk:
    """One walk through a folder."""

    root: Path
    rules: IgnoreRules
    files: list[FoundFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def enter(self, folder: Path, prefix: str, inside: tuple[Path, ...]) -> None:
        """Visits a folder; `inside` are the real folders around it, to detect a loop."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise FileUnreadableError(path=prefix or str(folder), reason=error.strerror) from error
        for entry in entries:
            path = prefix + _name(entry.name, prefix)
            place = Path(entry.path)
            is_folder = entry.is_dir()
            reason = self.rules.reason(path, folder=is_folder)
            if reason is None and entry.is_symlink():
                place = self._target(place, path)
                inner = place.relative_to(self.root).as_posix()
                # A link must not carry out what is left out under its own name.
                reason = self.rules.reason_with_parents(inner) if inner != "." else None
            if reason is not None:
                self.left_out.append(LeftOut(path + ("/" if is_folder else ""), reason))
            elif is_folder:
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
            self.left_out.append(LeftOut(path, "not a regular file"))


def _name(name: str, prefix: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise FileNameError(path=prefix + os.fsencode(name).decode("utf-8", "backslashreplace")) from error
    # macOS may hand out decomposed names; links in pages are composed (UAX #15).
    return unicodedata.normalize("NFC", name)


def write_zip(selection: Selection, target: IO[bytes], progress: Callable[[int], None]) -> int:
    """Writes the zip and gives its size in bytes; `progress` hears how many bytes of the files were read.

    Raises FileUnreadableError.
    """
    with zipfile.ZipFile(target, "w", allowZip64=True) as archive:
        for file in selection.files:
            info = zipfile.ZipInfo(file.path, _TIMESTAMP)
            info.create_system = 3
            info.external_attr = _MODE
            info.file_size = file.size
            info.compress_type = zipfile.ZIP_DEFLATED if _shrinks(file) else zipfile.ZIP_STORED
            with archive.open(info, "w") as member:
                for chunk in _read(file):
                    member.write(chunk)
                    progress(len(chunk))
    return target.tell()


def _shrinks(file: FoundFile) -> bool:
    """Whether deflating makes the file at least 5 % smaller: tried on all of it, or on four parts of a long one."""
    if Path(file.path).suffix.lower() in _COMPRESSED or not file.size:
        return False
    try:
        with file.source.open("rb") as content:
            # Most files are texts, of which a quick look says enough.
            looks = [_deflated(content, at, _LOOK, 1) for at in (0, file.size // 2, max(0, file.size - _LOOK))]
            if all(after < before / 2 for before, after in looks):
                return True
            step = max(_PART, (file.size - _PART) // (_PARTS - 1))
            parts = [_deflated(content, number * step, _PART, 6) for number in range(_PARTS)]
    except OSError as error:
        raise FileUnreadableError(path=file.path, reason=error.strerror) from error
    return sum(after for _, after in parts) <= _WORTH_IT * sum(before for before, _ in parts)


def _deflated(content: IO[bytes], at: int, most: int, level: int) -> tuple[int, int]:
    """The bytes of a part of a file, before and after deflating."""
    content.seek(at)
    part = content.read(most)
    return len(part), len(zlib.compress(part, level)) - _ZLIB_FRAME if part else 0


def _read(file: FoundFile) -> Iterator[bytes]:
    try:
        with file.source.open("rb") as content:
            while chunk := content.read(CHUNK):
                yield chunk
    except OSError as error:
        raise FileUnreadableError(path=file.path, reason=error.strerror) from error
