"""Reads members: inflates each member in memory once, compares its size and CRC, hashes it and searches it.

A member whose bytes are unchanged since the previous version is not inflated again.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import lru_cache
from typing import NamedTuple

from isal import isal_zlib
from msgspec import structs

from easel.bundles.charsets import with_charset
from easel.bundles.directory import Entry
from easel.bundles.errors import (
    CrcMismatchError,
    DataDamagedError,
    InspectionStoppedError,
    SecretInBundleError,
    SizeMismatchError,
    WindowTooLargeError,
)
from easel.bundles.inflate import LARGEST_WINDOW, DamagedDataError, inflate, inflated, window
from easel.bundles.models import MAY_VOUCH, NO_PLACE, REGISTERS_WORKER, ZSTANDARD, Allowances, Member
from easel.bundles.names import printable
from easel.bundles.pages import LOOKED_AT, script_place
from easel.bundles.previous_version import PreviousVersion
from easel.bundles.root import KEY_FILES, PRIVATE_KEY
from easel.bundles.types import content_type, is_text
from easel.bundles.vouched_pages import (
    LARGEST_LIST,
    LONGEST_REGISTERS,
    is_looked_through,
    is_run,
    may_vouch,
    registers_worker,
)

WHOLE = 1024 * 1024
"""Maximum size (bytes, both compressed and inflated) of members that are inflated at once. Larger members are inflated
in pieces."""
WHOLE_TEXT = LARGEST_LIST
"""Maximum size in bytes of texts that are inflated at once. Texts are also searched."""
HEAVY = 64 * WHOLE
"""Size in bytes of the inflated bundle above which the bundle counts as heavy."""
_BATCH_BYTES = 4 * WHOLE
_BATCH_FILES = 64
# The heavy bundles of this process use at most one thread per core, so that light bundles and other work are not
# delayed.
_CORES = threading.BoundedSemaphore(os.cpu_count() or 1)


class FileKind(NamedTuple):
    """The facts that a file's name shows: its type, whether it is searched for digests, and whether browsers run it."""

    type: str
    whole: int
    is_searched: bool
    is_run: bool


def kind_of(path: str) -> FileKind:
    """Returns the kind of a file of this name."""
    name = path.rpartition("/")[2]
    _, dot, suffix = name.rpartition(".")
    return _kind(dot + suffix)


@lru_cache(maxsize=1024)
def _kind(end: str) -> FileKind:
    """Returns the kind of a file, by the suffix of its name, or by the whole name if there is no suffix. A large bundle
    has few different suffixes."""
    type_ = content_type(end)
    return FileKind(type_, WHOLE_TEXT if is_text(type_) else WHOLE, is_looked_through(end, type_), is_run(type_))


class MemberReader:
    """Inflates, checks and hashes files, a few threads at a time."""

    def __init__(
        self, allow: Allowances, should_stop: Callable[[], bool], before: PreviousVersion | None = None
    ) -> None:
        self._allow = allow
        self._should_stop = should_stop
        self._before = before
        self._failed = False
        self._is_heavy = False

    def read_all(self, data: memoryview, files: Sequence[tuple[str, Entry]], threads: int) -> dict[str, Member]:
        """Returns the members of all files. isal and hashlib release the interpreter lock, so threads help."""
        batches = list(_batches(files))
        self._is_heavy = sum(entry.size for _, entry in files) > HEAVY
        if threads < 2 or len(batches) < 2:
            return dict(pair for batch in batches for pair in self._read_batch(data, batch))
        with ThreadPoolExecutor(threads, thread_name_prefix="inspect") as pool:
            futures = [pool.submit(self._read_batch, data, batch) for batch in batches]
            try:
                return dict(pair for future in futures for pair in future.result())
            except BaseException:
                # Pending work is dropped, and running work ends at its next piece.
                self._failed = True
                for future in futures:
                    future.cancel()
                raise

    def _read_batch(self, data: memoryview, batch: Sequence[tuple[str, Entry]]) -> list[tuple[str, Member]]:
        with _CORES if self._is_heavy else nullcontext():
            self.check_stop()
            return [(path, self._read(data, path, entry)) for path, entry in batch]

    def check_stop(self) -> None:
        """Raises InspectionStoppedError once a stop is requested, or another thread's file was refused."""
        if self._failed or self._should_stop():
            raise InspectionStoppedError

    def _read(self, data: memoryview, path: str, entry: Entry) -> Member:
        may_be_key = not self._allow.secrets and entry.name.lower().endswith(KEY_FILES)
        kind = kind_of(path)
        with data[entry.offset : entry.offset + entry.length] as raw:
            if self._before is not None and not may_be_key:
                known = self._before.unchanged(path, entry, raw)
                if known is not None:
                    return structs.replace(known, bundle=0, offset=entry.offset, immutable=False, coding=None)
            try:
                if entry.method == ZSTANDARD and (size := window(raw)) > LARGEST_WINDOW:
                    raise WindowTooLargeError(member=printable(entry.name), size=size, limit=LARGEST_WINDOW)
                if max(entry.size, entry.length) <= kind.whole:
                    size, crc, digest, head, marks = _read_whole(raw, path, kind, entry, may_be_key)
                else:
                    size, crc, digest, head, marks = self._read_in_pieces(raw, kind, entry, may_be_key)
            except DamagedDataError as error:
                raise DataDamagedError(member=printable(entry.name)) from error
        if size != entry.size:
            raise SizeMismatchError(member=printable(entry.name))
        if crc != entry.crc:
            raise CrcMismatchError(member=printable(entry.name))
        type_ = with_charset(kind.type, head)
        return Member(
            hash=digest,
            size=size,
            type=type_,
            bundle=0,
            offset=entry.offset,
            length=entry.length,
            method=entry.method,
            crc=crc,
            immutable=False,
            place=_place(head) if type_.startswith("text/html") else None,
            marks=marks,
        )

    def _read_in_pieces(
        self, raw: memoryview, kind: FileKind, entry: Entry, may_be_key: bool
    ) -> tuple[int, int, str, bytes, int]:
        size = crc = marks = 0
        head = seam = before = b""
        hasher = hashlib.sha256()
        for piece in inflate(raw, entry.method):
            size += len(piece)
            if size > entry.size:
                break
            crc = isal_zlib.crc32(piece, crc)
            hasher.update(piece)
            if len(head) < LOOKED_AT:
                head += piece
            if kind.is_run and not marks:
                if registers_worker(before + piece):
                    marks = REGISTERS_WORKER
                before = piece[-LONGEST_REGISTERS:]
            if may_be_key:
                _refuse_key(seam + piece, entry)
                seam = piece[1 - len(PRIVATE_KEY) :]
            self.check_stop()
        return size, crc, hasher.hexdigest(), head, marks


def _read_whole(
    raw: memoryview, path: str, kind: FileKind, entry: Entry, may_be_key: bool
) -> tuple[int, int, str, bytes, int]:
    content = inflated(raw, entry.method, entry.size)
    if may_be_key:
        _refuse_key(content, entry)
    marks = 0
    if kind.is_searched and len(content) <= LARGEST_LIST and may_vouch(path, content):
        marks = MAY_VOUCH
    if kind.is_run and registers_worker(content):
        marks |= REGISTERS_WORKER
    return len(content), isal_zlib.crc32(content), hashlib.sha256(content).hexdigest(), content, marks


def _refuse_key(content: bytes, entry: Entry) -> None:
    if PRIVATE_KEY in content:
        raise SecretInBundleError(member=printable(entry.name), kind="a private key")


def _place(page: bytes) -> int:
    place = script_place(page)
    return NO_PLACE if place is None else place


def _batches(files: Sequence[tuple[str, Entry]]) -> Iterator[list[tuple[str, Entry]]]:
    """Groups the files into batches of a few MiB. Thus, no thread is started for a single small file, and no thread
    gets all large files."""
    batch: list[tuple[str, Entry]] = []
    size = 0
    for path, entry in files:
        batch.append((path, entry))
        size += entry.size
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
