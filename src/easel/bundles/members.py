"""Reads the members (entries) of a zip: inflates each member in memory once, compares its size and CRC, hashes it and
searches it.

A member whose bytes are unchanged since the previous version is not inflated again.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import lru_cache, partial
from typing import NamedTuple

from isal import isal_zlib
from msgspec import structs

from easel.bundles.batches import Batch, batches_of, read_in_threads
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
from easel.bundles.inflate import LARGEST_WINDOW, DamagedDataError, inflate, inflated_with_crc, window
from easel.bundles.models import MAY_VOUCH, NO_PLACE, REGISTERS_WORKER, ZSTANDARD, Allowances, Member
from easel.bundles.names import printable
from easel.bundles.pages import LOOKED_AT, script_place
from easel.bundles.previous_version import PreviousVersion
from easel.bundles.root import KEY_FILES, PRIVATE_KEY
from easel.bundles.types import content_type, is_text
from easel.bundles.vouched_pages import (
    LARGEST_LIST,
    LONGEST_REGISTERS,
    Digests,
    digests_in,
    is_looked_through,
    is_run,
    may_vouch,
    registers_worker,
)

WHOLE = 1024 * 1024
"""Maximum size (bytes, both compressed and inflated) of a member that is inflated in one call. Larger members are
inflated in pieces."""
_PIECE = WHOLE // 2
"""Size in bytes of these pieces. A thread waits for the interpreter lock a few times in each piece."""
WHOLE_TEXT = LARGEST_LIST
"""Maximum size in bytes of a text that is inflated in one call. This limit is higher, because texts are also
searched."""
HEAVY = 64 * WHOLE
"""Inflated size in bytes above which a bundle counts as heavy."""
# Heavy bundles in this process share one thread for each core, so that they do not delay light bundles and other work.
_CORES = threading.BoundedSemaphore(os.cpu_count() or 1)


class FileKind(NamedTuple):
    """The facts about a file that its name shows: its content type, the size (bytes) up to which it is inflated in one
    call, the digests that it is searched for (or None), whether browsers run it, and whether it may be a private
    key."""

    type: str
    whole: int
    digests: Digests | None
    is_run: bool
    may_be_key: bool


def kind_of(path: str) -> FileKind:
    """Returns the facts that the name at the end of a path shows."""
    name = path.rpartition("/")[2]
    _, dot, suffix = name.rpartition(".")
    return _kind(dot + suffix)


@lru_cache(maxsize=1024)
def _kind(end: str) -> FileKind:
    """Returns the facts that `end` shows: the suffix of a file's name, or the whole name if there is no suffix. The
    result is cached, because a large bundle has few different suffixes."""
    type_ = content_type(end)
    counted = digests_in(end) if is_looked_through(end, type_) else None
    return FileKind(
        type_, WHOLE_TEXT if is_text(type_) else WHOLE, counted, is_run(type_), end.lower().endswith(KEY_FILES)
    )


class MemberReader:
    """Inflates, checks and hashes the files of a bundle in a few threads."""

    def __init__(
        self, allow: Allowances, should_stop: Callable[[], bool], before: PreviousVersion | None = None
    ) -> None:
        self._allow = allow
        self._should_stop = should_stop
        self._before = before
        self._is_heavy = False

    def read_all(self, data: memoryview, files: Sequence[tuple[str, Entry]], threads: int) -> dict[str, Member]:
        """Reads all files of the zip in `data`. Returns their members by path, in the order of `files`."""
        self._is_heavy = sum(entry.size for _, entry in files) > HEAVY
        found: dict[str, Member] = {}
        for members in read_in_threads(batches_of(files), threads, partial(self._read_batch, data)):
            found.update(members)
        return {path: found[path] for path, _ in files}

    def _read_batch(self, data: memoryview, batch: Batch, is_over: Callable[[], bool]) -> list[tuple[str, Member]]:
        with _CORES if self._is_heavy else nullcontext():
            self.check_stop()
            return [(path, self._read(data, path, entry, is_over)) for path, entry in batch.files]

    def check_stop(self) -> None:
        """Raises InspectionStoppedError if the caller has requested that the inspection stops."""
        if self._should_stop():
            raise InspectionStoppedError

    def _read(self, data: memoryview, path: str, entry: Entry, is_over: Callable[[], bool]) -> Member:
        kind = kind_of(path)
        may_be_key = kind.may_be_key and not self._allow.secrets
        raw = data[entry.offset : entry.offset + entry.length]
        if self._before is not None and not may_be_key:
            known = self._before.unchanged(path, entry, raw)
            if known is not None:
                return structs.replace(known, bundle=0, offset=entry.offset, immutable=False, coding=None)
        try:
            if entry.method == ZSTANDARD and not raw:
                raise DamagedDataError("an empty file has a frame too (RFC 8878 §3.1)")
            if entry.method == ZSTANDARD and (size := window(raw)) > LARGEST_WINDOW:
                raise WindowTooLargeError(member=printable(entry.name), size=size, limit=LARGEST_WINDOW)
            if entry.size <= kind.whole and entry.length <= kind.whole:
                head, crc = inflated_with_crc(raw, entry.method, entry.size)
                size, digest = len(head), hashlib.sha256(head).hexdigest()
                marks = _marks(head, kind)
                if may_be_key:
                    _refuse_key(head, entry)
            else:
                size, crc, digest, head, marks = self._read_in_pieces(raw, kind, entry, may_be_key, is_over)
        except DamagedDataError as error:
            raise DataDamagedError(member=printable(entry.name)) from error
        if size != entry.size:
            raise SizeMismatchError(member=printable(entry.name))
        if crc != entry.crc:
            raise CrcMismatchError(member=printable(entry.name))
        type_ = with_charset(kind.type, head)
        place = _place(head) if type_.startswith("text/html") else None
        return Member(digest, size, type_, 0, entry.offset, entry.length, entry.method, crc, False, place, None, marks)

    def _read_in_pieces(
        self, raw: memoryview, kind: FileKind, entry: Entry, may_be_key: bool, is_over: Callable[[], bool]
    ) -> tuple[int, int, str, bytes, int]:
        size = crc = marks = 0
        head = seam = before = b""
        hasher = hashlib.sha256()
        for piece in inflate(raw, entry.method, _PIECE):
            size += len(piece)
            if size > entry.size:
                break
            crc = isal_zlib.crc32(piece, crc)
            hasher.update(piece)
            if len(head) < LOOKED_AT:
                head += piece
            if kind.is_run and not marks:
                if registers_worker(piece) or registers_worker(before + piece[:LONGEST_REGISTERS]):
                    marks = REGISTERS_WORKER
                before = piece[-LONGEST_REGISTERS:]
            if may_be_key:
                _refuse_key(seam + piece, entry)
                seam = piece[1 - len(PRIVATE_KEY) :]
            self.check_stop()
            if is_over():
                raise InspectionStoppedError
        return size, crc, hasher.hexdigest(), head, marks


def _marks(content: bytes, kind: FileKind) -> int:
    marks = 0
    if kind.digests is not None and len(content) <= LARGEST_LIST and may_vouch(content, kind.digests):
        marks = MAY_VOUCH
    if kind.is_run and registers_worker(content):
        marks |= REGISTERS_WORKER
    return marks


def _refuse_key(content: bytes, entry: Entry) -> None:
    if PRIVATE_KEY in content:
        raise SecretInBundleError(member=printable(entry.name), kind="a private key")


def _place(page: bytes) -> int:
    place = script_place(page)
    return NO_PLACE if place is None else place
