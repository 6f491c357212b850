"""Unpacks a zip of sources into a folder, with the same checks as for a bundle: names, sizes, CRC."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from pathlib import Path

from isal import isal_zlib

from easel.bundles.chosen_members import check_sizes, choose
from easel.bundles.directory import Entry, read_directory
from easel.bundles.errors import (
    CrcMismatchError,
    DataDamagedError,
    InspectionStoppedError,
    NotAZipError,
    PathTooLongError,
    SizeMismatchError,
    WindowTooLargeError,
)
from easel.bundles.inflate import LARGEST_WINDOW, DamagedDataError, inflate, window
from easel.bundles.models import ZSTANDARD, Limits
from easel.bundles.names import printable
from easel.bundles.root import DEPENDENCIES, refuse_conflicts

_LONGEST_PART = 255
"""Maximum number of bytes of a file's or folder's name on Linux file systems."""
_REPOSITORY = ".git/"


def unpack(path: Path, into: Path, *, limits: Limits, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Unpacks the zip at the path into an empty folder, and returns the number of files.

    Strips a single top-level folder, and leaves out `node_modules/` and `.git/` of the project's root, and junk. Raises
    the errors of `easel.bundles.errors`, InspectionStoppedError once `should_stop` returns true, and OSError.
    """
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise NotAZipError(found="empty")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with memoryview(mapped) as data:
        files, folders, _ = choose(read_directory(data, limits), limits)
        refuse_conflicts(files, folders)
        check_sizes(files, limits)
        tops = {name.split("/", 1)[0] for name in files}
        root = f"{next(iter(tops))}/" if len(tops) == 1 and all("/" in name for name in files) else ""
        made: set[str] = set()
        count = 0
        for name, entry in files.items():
            inner = name[len(root) :]
            if inner.startswith((DEPENDENCIES, _REPOSITORY)):
                continue
            if should_stop():
                raise InspectionStoppedError
            _write(data, entry, into, inner, made)
            count += 1
    return count


def _write(data: memoryview, entry: Entry, into: Path, name: str, made: set[str]) -> None:
    for part in name.split("/"):
        if (size := len(part.encode())) > _LONGEST_PART:
            raise PathTooLongError(member=printable(name), size=size, limit=_LONGEST_PART)
    folder = name.rpartition("/")[0]
    if folder not in made:
        (into / folder).mkdir(parents=True, exist_ok=True)
        made.add(folder)
    size = crc = 0
    # The folder was empty and the paths are checked, so no link can be followed and no file replaced.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with (
        open(os.open(into / name, flags, 0o755 if entry.is_executable else 0o644), "wb") as out,
        data[entry.offset : entry.offset + entry.length] as packed,
    ):
        if entry.method == ZSTANDARD and (wide := window(packed)) > LARGEST_WINDOW:
            raise WindowTooLargeError(member=printable(entry.name), size=wide, limit=LARGEST_WINDOW)
        try:
            for piece in inflate(packed, entry.method):
                size += len(piece)
                if size > entry.size:
                    raise SizeMismatchError(member=printable(entry.name))
                crc = isal_zlib.crc32(piece, crc)
                out.write(piece)
        except DamagedDataError as error:
            raise DataDamagedError(member=printable(entry.name)) from error
    if size != entry.size:
        raise SizeMismatchError(member=printable(entry.name))
    if crc != entry.crc:
        raise CrcMismatchError(member=printable(entry.name))
