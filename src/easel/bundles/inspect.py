"""Inspecting a bundle: one pass over the stored zip, in bounded memory. An inspected bundle can be served.

Members are inflated in memory once, compared with size and CRC, and hashed. Limits hold while inflating, whatever the
headers state: no member is inflated further than a piece past its declared size.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from isal import isal_zlib
from msgspec import structs

from easel.bundles.charsets import with_charset
from easel.bundles.chosen import check_sizes, choose
from easel.bundles.codings import sent_decoded
from easel.bundles.directory import Entry, read_directory
from easel.bundles.errors import (
    CrcMismatchError,
    DataDamagedError,
    InspectionStoppedError,
    NotAZipError,
    SecretInBundleError,
    SizeMismatchError,
    WindowTooLargeError,
)
from easel.bundles.hashed import hashed
from easel.bundles.inflate import LARGEST_WINDOW, DamagedDataError, inflate, inflated, raw, window
from easel.bundles.models import NO_PLACE, ZSTANDARD, Allowances, Inspection, Limits, Member
from easel.bundles.names import printable
from easel.bundles.one_page import LOOKED_AT as PAGE_LOOKED_AT
from easel.bundles.one_page import is_one_page
from easel.bundles.pages import LOOKED_AT, script_place
from easel.bundles.read import content as content_of
from easel.bundles.root import (
    ENTRY_POINT,
    KEY_FILES,
    PROJECT_SETTINGS,
    RULES_FILES,
    find_root,
    home_page,
    notes,
    refuse_accidents,
    refuse_conflicts,
)
from easel.bundles.types import content_type, is_text
from easel.bundles.vouched import (
    LONGEST_REGISTERS,
    find_vouched,
    is_looked_through,
    is_worker,
    may_vouch,
    registers_worker,
)
from easel.rules.errors import RulesFileTooLargeError
from easel.rules.models import AS_IT_COMES, LARGEST_FILE, Rules, Wanted
from easel.rules.read import read_rules

WHOLE = 1024 * 1024
"""Members up to this size (bytes, both compressed and inflated) are inflated in one go, larger ones in pieces."""
HEAVY = 64 * WHOLE
"""Bundles that inflate to more (bytes) are heavy."""
_BATCH_BYTES = 4 * WHOLE
_BATCH_FILES = 64
_PRIVATE_KEY = b"PRIVATE KEY-----"
# The heavy bundles of this process use at most one thread per core, so that light bundles and other work are not
# delayed.
_CORES = threading.BoundedSemaphore(os.cpu_count() or 1)


def inspect_file(
    path: Path,
    *,
    limits: Limits,
    allow: Allowances,
    rules: Wanted = AS_IT_COMES,
    threads: int = 2,
    should_stop: Callable[[], bool] | None = None,
) -> Inspection:
    """Inspects the zip at the path; see `inspect`. The file must not change while it is read."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise NotAZipError(found="empty")
        # It is closed when its last reference ends: the traceback of a refusal may still hold a part of it, and closing
        # it here would raise and hide the refusal.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return inspect(mapped, limits=limits, allow=allow, rules=rules, threads=threads, should_stop=should_stop)


def inspect(
    data: memoryview | mmap.mmap,
    *,
    limits: Limits,
    allow: Allowances,
    rules: Wanted = AS_IT_COMES,
    threads: int = 2,
    should_stop: Callable[[], bool] | None = None,
) -> Inspection:
    """Reads a whole zip: structure, names, rules, and every member's content.

    Returns the app's files by path, with the location of their bytes, and the notes for the uploader. Raises the errors
    of `easel.bundles.errors`, and InspectionStoppedError once `should_stop` returns true (called every few MiB).
    """
    reader = _Reader(allow, should_stop or (lambda: False))
    with memoryview(data) as view:
        entries = read_directory(view, limits)
        chosen, folders, left_out = choose(entries, limits)
        refuse_conflicts(chosen, folders)
        root = find_root(chosen)
        if chosen.pop(root + PROJECT_SETTINGS, None) is not None:
            left_out.append(root + PROJECT_SETTINGS)
        refuse_accidents(chosen, root, allow)
        check_sizes(chosen, limits)
        wanted = [(path[len(root) :], entry) for path, entry in chosen.items()]
        del entries, chosen, folders
        files = reader.read_all(view, wanted, threads)
        read = _reading(files, view)
        named = hashed({path: (member.hash, member.size) for path, member in files.items()}, read)
        found = _read_rules(files, view, rules)
        vouched = find_vouched(files, reader.lists, lambda path: content_of(files[path], view))
        coded = sent_decoded(files.keys(), reader.pausing(read))
        home = home_page(files) or ENTRY_POINT
        one_page = is_one_page(files, home, read(home, PAGE_LOOKED_AT))
    files |= {path: structs.replace(files[path], immutable=True) for path in named.known}
    files |= {path: structs.replace(files[path], place=NO_PLACE) for path in vouched}
    files |= {path: structs.replace(files[path], coding=coding) for path, coding in coded.items()}
    return Inspection(
        files=files,
        stripped_root=root.rstrip("/"),
        left_out=left_out,
        warnings=notes(files, root, left_out),
        may_be_hashed=named.may,
        vouched=vouched,
        has_worker=reader.has_worker or any(map(is_worker, files)),
        rules=found,
        home=home,
        is_one_page=one_page,
    )


def _read_rules(files: Mapping[str, Member], bundle: memoryview, wanted: Wanted) -> Rules | None:
    """The rules that the bundle's rules files give. Raises the errors of `easel.rules.errors`."""
    present = {name: files[name] for name in RULES_FILES if name in files}
    for name, member in present.items():
        if member.size > LARGEST_FILE:
            raise RulesFileTooLargeError(name=name, size=member.size, limit=LARGEST_FILE)
    texts = {name: inflated(raw(one, bundle), one.method, one.size) for name, one in present.items()}
    at_root = [path for path in files if "/" not in path] if texts else ()
    return read_rules(texts, wanted, names=at_root, has=files.__contains__)


def _reading(files: Mapping[str, Member], bundle: memoryview) -> Callable[[str, int], bytes]:
    """Returns the first bytes of a file, and one more if it is longer."""

    def read(path: str, most: int) -> bytes:
        member = files[path]
        return inflated(raw(member, bundle), member.method, most)

    return read


class _Reader:
    """Inflates, checks and hashes files, a few threads at a time."""

    def __init__(self, allow: Allowances, should_stop: Callable[[], bool]) -> None:
        self._allow = allow
        self._should_stop = should_stop
        self._failed = False
        self._is_heavy = False
        self.lists: list[str] = []
        """The paths of files that may vouch for pages."""
        self.has_worker = False

    def read_all(self, data: memoryview, files: Sequence[tuple[str, Entry]], threads: int) -> dict[str, Member]:
        """Every file's member. isal and hashlib release the interpreter's lock, so threads help."""
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
            self._check_stop()
            return [(path, self._read(data, path, entry)) for path, entry in batch]

    def pausing(self, read: Callable[[str, int], bytes]) -> Callable[[str, int], bytes]:
        """The same reading, which stops once it should: a few bytes of Brotli may unpack to all of its window."""

        def reading(path: str, most: int) -> bytes:
            self._check_stop()
            return read(path, most)

        return reading

    def _check_stop(self) -> None:
        if self._failed or self._should_stop():
            raise InspectionStoppedError

    def _read(self, data: memoryview, path: str, entry: Entry) -> Member:
        try:
            with data[entry.offset : entry.offset + entry.length] as raw:
                if entry.method == ZSTANDARD and (size := window(raw)) > LARGEST_WINDOW:
                    raise WindowTooLargeError(member=printable(entry.name), size=size, limit=LARGEST_WINDOW)
                if max(entry.size, entry.length) <= WHOLE:
                    size, crc, digest, head = self._read_whole(raw, entry)
                else:
                    size, crc, digest, head = self._read_in_pieces(raw, entry)
        except DamagedDataError as error:
            raise DataDamagedError(member=printable(entry.name)) from error
        if size != entry.size:
            raise SizeMismatchError(member=printable(entry.name))
        if crc != entry.crc:
            raise CrcMismatchError(member=printable(entry.name))
        type_ = with_charset(content_type(path), head)
        if is_looked_through(path, type_, size):
            self._look_through(path, head, size)
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
        )

    def _look_through(self, path: str, content: bytes, size: int) -> None:
        """Records facts from a file's text. Of a large file only the beginning is available."""
        if len(content) < size or may_vouch(path, content):
            self.lists.append(path)
        if not self.has_worker and registers_worker(content):
            self.has_worker = True

    def _read_whole(self, raw: memoryview, entry: Entry) -> tuple[int, int, str, bytes]:
        content = inflated(raw, entry.method, entry.size)
        if self._may_be_key(entry) and _PRIVATE_KEY in content:
            raise SecretInBundleError(member=printable(entry.name), kind="a private key")
        return len(content), isal_zlib.crc32(content), hashlib.sha256(content).hexdigest(), content

    def _read_in_pieces(self, raw: memoryview, entry: Entry) -> tuple[int, int, str, bytes]:
        size = crc = 0
        head = b""
        hasher = hashlib.sha256()
        may_be_key, seam = self._may_be_key(entry), b""
        may_register, before = is_text(content_type(entry.name)), b""
        for piece in inflate(raw, entry.method):
            size += len(piece)
            if size > entry.size:
                break
            crc = isal_zlib.crc32(piece, crc)
            hasher.update(piece)
            if len(head) < LOOKED_AT:
                head += piece
            if may_register and not self.has_worker:
                if registers_worker(before + piece):
                    self.has_worker = True
                before = piece[-LONGEST_REGISTERS:]
            if may_be_key:
                if _PRIVATE_KEY in seam + piece:
                    raise SecretInBundleError(member=printable(entry.name), kind="a private key")
                seam = piece[1 - len(_PRIVATE_KEY) :]
            self._check_stop()
        return size, crc, hasher.hexdigest(), head

    def _may_be_key(self, entry: Entry) -> bool:
        return not self._allow.secrets and entry.name.lower().endswith(KEY_FILES)


def _place(page: bytes) -> int:
    place = script_place(page)
    return NO_PLACE if place is None else place


def _batches(files: Sequence[tuple[str, Entry]]) -> Iterator[list[tuple[str, Entry]]]:
    """The files in batches of a few MiB, so that a thread gets neither a single small file nor all large ones."""
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
