"""Inspecting a bundle: one pass over the zip where it lies, in bounded memory. What comes out can be served.

Members are inflated in memory once, held against size and CRC, and hashed. Limits hold while inflating, whatever the
headers claim: no member is inflated further than one byte past its declared size.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from isal import isal_zlib

from easel.bundles.directory import Entry, read_directory
from easel.bundles.errors import (
    CrcMismatchError,
    DataDamagedError,
    FileTooLargeError,
    InflatesTooLargeError,
    InspectionStoppedError,
    NotAZipError,
    PathDuplicateError,
    SecretInBundleError,
    SizeMismatchError,
    TooManyFilesError,
    ZipEmptyError,
)
from easel.bundles.inflate import DamagedDataError, inflate, inflated
from easel.bundles.models import Allowances, Inspection, Limits, Member
from easel.bundles.names import check_path, printable
from easel.bundles.root import KEY_FILES, find_root, is_junk, notes, refuse_accidents, refuse_conflicts
from easel.bundles.types import content_type

WHOLE = 4 * 1024 * 1024
"""Members up to this size (bytes) are inflated in one go, larger ones in pieces."""
_BATCH = 64
_PRIVATE_KEY = b"PRIVATE KEY-----"


def inspect_file(
    path: Path,
    *,
    limits: Limits,
    allow: Allowances,
    threads: int = 2,
    should_stop: Callable[[], bool] | None = None,
) -> Inspection:
    """Inspects the zip at the path; see `inspect`."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise NotAZipError()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            return inspect(view, limits=limits, allow=allow, threads=threads, should_stop=should_stop)


def inspect(
    data: memoryview,
    *,
    limits: Limits,
    allow: Allowances,
    threads: int = 2,
    should_stop: Callable[[], bool] | None = None,
) -> Inspection:
    """Reads a whole zip: structure, names, rules, and every member's content.

    Gives the app's files by path, with where their bytes lie, and what there is to tell. Raises the errors of
    `easel.bundles.errors`, and InspectionStoppedError once `should_stop` says so.
    """
    entries = read_directory(data, limits)
    chosen, folders, left_out = _choose(entries, limits)
    refuse_conflicts(chosen, folders)
    root = find_root(chosen)
    wanted = {path[len(root) :]: entry for path, entry in chosen.items()}
    refuse_accidents(wanted, allow)
    _check_sizes(wanted, limits)
    files = _read_all(data, list(wanted.items()), allow, threads, should_stop or (lambda: False))
    return Inspection(
        files=files, stripped_root=root.rstrip("/"), left_out=left_out, warnings=notes(files, root, left_out)
    )


def _choose(entries: Sequence[Entry], limits: Limits) -> tuple[dict[str, Entry], set[str], list[str]]:
    """The files by safe path, the folders, and the junk. Junk is checked too: it is part of the same zip."""
    files: dict[str, Entry] = {}
    folders: set[str] = set()
    left_out: list[str] = []
    for entry in entries:
        path = check_path(entry.name, max_bytes=limits.max_name_bytes)
        if is_junk(path):
            if not entry.is_folder:
                left_out.append(path)
        elif entry.is_folder:
            folders.add(path)
        elif path in files:
            raise PathDuplicateError(member=printable(path))
        else:
            files[path] = entry
    if not files:
        raise ZipEmptyError()
    if len(files) > limits.max_files:
        raise TooManyFilesError(count=len(files), limit=limits.max_files)
    return files, folders, left_out


def _check_sizes(files: dict[str, Entry], limits: Limits) -> None:
    total = 0
    for path, entry in files.items():
        if entry.size > limits.max_file_size:
            raise FileTooLargeError(member=printable(path), size=entry.size, limit=limits.max_file_size)
        total += entry.size
    if total > limits.max_total_size:
        raise InflatesTooLargeError(size=total, limit=limits.max_total_size)


def _read_all(
    data: memoryview,
    files: list[tuple[str, Entry]],
    allow: Allowances,
    threads: int,
    should_stop: Callable[[], bool],
) -> dict[str, Member]:
    """Inflates and hashes every file. isal and hashlib let go of the interpreter's lock, so threads help."""

    def read_batch(batch: list[tuple[str, Entry]]) -> list[tuple[str, Member]]:
        if should_stop():
            raise InspectionStoppedError
        return [(path, _read(data, path, entry, allow)) for path, entry in batch]

    batches = [files[at : at + _BATCH] for at in range(0, len(files), _BATCH)]
    if threads < 2 or len(batches) < 2:
        return dict(pair for batch in batches for pair in read_batch(batch))
    with ThreadPoolExecutor(threads, thread_name_prefix="inspect") as pool:
        futures = [pool.submit(read_batch, batch) for batch in batches]
        try:
            return dict(pair for future in futures for pair in future.result())
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _read(data: memoryview, path: str, entry: Entry, allow: Allowances) -> Member:
    raw = data[entry.offset : entry.offset + entry.length]
    try:
        if entry.size <= WHOLE:
            content = inflated(raw, entry.method, entry.size)
            size, crc = len(content), isal_zlib.crc32(content)
            digest = hashlib.sha256(content).hexdigest()
            if path.endswith(KEY_FILES) and not allow.secrets and _PRIVATE_KEY in content:
                raise SecretInBundleError(member=path, kind="a private key")
        else:
            size, crc, digest = _read_in_pieces(raw, entry)
    except DamagedDataError as error:
        raise DataDamagedError(member=printable(path)) from error
    if size != entry.size:
        raise SizeMismatchError(member=printable(path))
    if crc != entry.crc:
        raise CrcMismatchError(member=printable(path))
    return Member(
        hash=digest,
        size=size,
        type=content_type(path),
        bundle=0,
        offset=entry.offset,
        length=entry.length,
        method=entry.method,
        crc=crc,
    )


def _read_in_pieces(raw: memoryview, entry: Entry) -> tuple[int, int, str]:
    size = crc = 0
    hasher = hashlib.sha256()
    for piece in inflate(raw, entry.method):
        size += len(piece)
        if size > entry.size:
            break
        crc = isal_zlib.crc32(piece, crc)
        hasher.update(piece)
    return size, crc, hasher.hexdigest()
