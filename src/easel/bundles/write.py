"""Writes zips reproducibly: the same files always result in the same bytes."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CHUNK = 256 * 1024
# The earliest time that a zip can contain (APPNOTE.TXT 4.4.6). Any other fixed time would be as good.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
_EXECUTABLE = 0o111 << 16
# Compressing files of these types again gains nothing. If they are stored uncompressed, parts of them can be sent
# directly from the zip. For other types, a trial decides.
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


class UnreadableError(Exception):
    """A file of the app that cannot be read. Callers catch this error, and raise an error with the file's name."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of the app: its path in the zip, its location on disk, its size in bytes, and whether it is executable in
    the zip."""

    path: str
    source: Path
    size: int
    is_executable: bool = False


def write_zip(files: Iterable[FoundFile], target: IO[bytes], progress: Callable[[int], None] | None = None) -> int:
    """Writes the files into a zip at the path `target`, and returns the size of the zip in bytes. `progress` is called
    with the number of bytes that were read.

    Raises UnreadableError.
    """
    with zipfile.ZipFile(target, "w", allowZip64=True) as archive:
        for file in files:
            info = zipfile.ZipInfo(file.path, _TIMESTAMP)
            info.create_system = 3
            info.external_attr = _MODE | (_EXECUTABLE if file.is_executable else 0)
            info.file_size = file.size
            info.compress_type = zipfile.ZIP_DEFLATED if _shrinks(file) else zipfile.ZIP_STORED
            with archive.open(info, "w") as member:
                for chunk in _read(file):
                    member.write(chunk)
                    if progress is not None:
                        progress(len(chunk))
    return target.tell()


def _shrinks(file: FoundFile) -> bool:
    """Returns true if deflating makes a file at least 5 % smaller. The trial covers the whole file, or four parts of a
    long file."""
    if Path(file.path).suffix.lower() in _COMPRESSED or not file.size:
        return False
    try:
        with file.source.open("rb") as content:
            # Most files are texts, for which a quick trial is enough.
            looks = [_deflated(content, at, _LOOK, 1) for at in (0, file.size // 2, max(0, file.size - _LOOK))]
            if all(after < before / 2 for before, after in looks):
                return True
            step = max(_PART, (file.size - _PART) // (_PARTS - 1))
            parts = [_deflated(content, number * step, _PART, 6) for number in range(_PARTS)]
    except OSError as error:
        raise UnreadableError(file.path, str(error.strerror)) from error
    return sum(after for _, after in parts) <= _WORTH_IT * sum(before for before, _ in parts)


def _deflated(content: IO[bytes], at: int, most: int, level: int) -> tuple[int, int]:
    """Deflates a part of a file of at most `most` bytes that begins at `at`. Returns the number of bytes before and
    after."""
    content.seek(at)
    part = content.read(most)
    return len(part), len(zlib.compress(part, level)) - _ZLIB_FRAME if part else 0


def _read(file: FoundFile) -> Iterator[bytes]:
    try:
        with file.source.open("rb") as content:
            while chunk := content.read(CHUNK):
                yield chunk
    except OSError as error:
        raise UnreadableError(file.path, str(error.strerror)) from error
