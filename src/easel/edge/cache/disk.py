"""A bounded disk cache of a bucket's objects: the requested parts of bundles.

Every object is a sparse file that is mapped once. Blocks are fetched on demand, small objects as a whole. Concurrent
requests for a block share one fetch. The cache can be lost. When this process ends, the next process takes over the
complete files.

The cache leaves the disk's reserve free. While the reserve is reached or the disk is full, objects are cached in memory
instead, within a small budget.
"""

from __future__ import annotations

import asyncio
import hashlib
import mmap
import os
import resource
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from easel.edge import weights
from easel.edge.cache.process_folder import WHOLE, folder_of_process
from easel.edge.cache.watched_store import EdgeStore
from easel.storage.errors import ObjectMissingError, StorageFullError
from easel.storage.translation import translated

BLOCK = 256 * 1024
"""Number of bytes of a block. Objects are fetched in blocks of this size."""
SMALL = 4 * 1024 * 1024
"""Maximum number of bytes of an object that is fetched as a whole on the first request."""
_AT_ONCE = 8 * 1024 * 1024
_FETCHES = 4
IN_MEMORY = 32 * 1024 * 1024
"""Maximum number of bytes cached in memory while the disk is full."""
MOST_HELD = 16384
"""Maximum number of cached objects. It is lower if the process may open fewer than eight times as many descriptors."""
FULL_FOR = 5.0
"""Seconds for which nothing is written to the disk after it was full."""


class _OtherSizeError(Exception):
    """Raised if a cached file and its object in the store differ in size."""


@dataclass(frozen=True)
class _File:
    path: Path
    descriptor: int


@dataclass
class _CachedObject:
    """The cached blocks of an object, in a file or in memory. Blocks in `pending` are still being fetched."""

    view: memoryview
    file: _File | None
    memory: mmap.mmap | None = None
    present: set[int] = field(default_factory=set)
    pending: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    dropped: bool = False
    is_open: bool = True

    @property
    def weight(self) -> int:
        """Returns the number of bytes of the object that are cached."""
        return sum(min(BLOCK, len(self.view) - block * BLOCK) for block in self.present)

    def add(self, blocks: range) -> None:
        """Marks these blocks as cached. Marks the file as complete once it has all blocks, for later processes."""
        self.present.update(blocks)
        if self.file is not None and self.is_open and len(self.present) * BLOCK >= len(self.view):
            # Some file systems do not store a file's mode.
            with suppress(OSError):
                os.fchmod(self.file.descriptor, WHOLE)

    def write(self, data: bytes, start: int) -> None:
        """Writes the fetched bytes at the offset `start`. Raises StorageFullError."""
        if self.file is None:
            assert self.memory is not None
            self.memory[start : start + len(data)] = data
            return
        with translated(self.file.path.name):
            # Writing through the mapping would raise a fatal signal on a full disk.
            at = 0
            while at < len(data):
                at += os.pwrite(self.file.descriptor, data[at:], start + at)

    def evict_one(self) -> None:
        """Frees the object's disk space, unless a write is pending. Responses that hold a view still read from it."""
        if self.file is not None and self.is_open and not self.pending:
            self.is_open = False
            os.close(self.file.descriptor)


class DiskCache:
    """The cache of one edge process, at most `budget` bytes on disk. The least recently used objects are evicted
    first."""

    def __init__(self, objects: EdgeStore, folder: Path, *, budget: int) -> None:
        self._objects = objects
        self.root = folder
        """The folder that all edges of the machine share."""
        self._budget = budget
        # Each object takes two descriptors and a mapping, even if it is small. Connections need descriptors as well.
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = MOST_HELD if allowed == resource.RLIM_INFINITY else min(MOST_HELD, allowed // 8)
        self._held: OrderedDict[str, _CachedObject] = OrderedDict()
        self._left: OrderedDict[str, int] = OrderedDict()
        self._slots = asyncio.Semaphore(_FETCHES)
        self._folder: Path | None = None
        self._lives: IO[bytes] | None = None
        self._full_until = 0.0
        self.weight = 0
        """Bytes of cached objects on disk."""
        self.in_memory = 0
        """Bytes of objects that are cached in memory because the disk has no space."""
        self.fetches = 0
        """Number of requests to the store."""
        self.fetched = 0
        """Bytes fetched from the store."""

    @property
    def bookkeeping(self) -> int:
        """Returns the approximate memory (bytes) of the disk cache's index."""
        blocks = weights.BLOCK * (self.weight // BLOCK)
        return weights.HELD * len(self._held) + weights.LEFT * len(self._left) + blocks

    def take_over(self) -> None:
        """Takes over complete files of ended processes. This call blocks, so it comes before the first visitor."""
        with suppress(OSError):
            self._own_folder()
        self._shrink(self._budget, keep="")

    async def size(self, key: str) -> int:
        """Returns the size of the object under the key in bytes. Raises ObjectMissingError, StoreUnavailableError."""
        held = self._held.get(key)
        size = len(held.view) if held is not None else self._left.get(_name(key))
        if size is None:
            info = await self._objects.head(key)
            if info is None:
                raise ObjectMissingError(key=key)
            size = info.size
        return size

    async def view(self, key: str, size: int, start: int, stop: int) -> memoryview:
        """Returns a view of an object of `size` bytes, readable at least from `start` to `stop`.

        The memory stays valid while a reference to it exists, even after eviction. Another call may return different
        memory with other readable parts of the object. Raises ObjectMissingError, StoreUnavailableError.
        """
        if size == 0:
            return memoryview(b"")
        if size <= SMALL:
            start, stop = 0, size
        blocks = range(start // BLOCK, -(-stop // BLOCK))
        held = self._find(key, size)
        try:
            await self._fill(key, held, blocks)
        except StorageFullError:
            # The second call caches the object in memory.
            held = self._find(key, size)
            await self._fill(key, held, blocks)
        return held.view

    def forget(self, key: str) -> None:
        """Evicts the object under the key. The next request for it fetches it again."""
        held = self._held.get(key)
        if held is not None and not held.pending:
            self._drop(key)

    async def _fill(self, key: str, held: _CachedObject, blocks: range) -> None:
        waiting: set[asyncio.Task[None]] = set()
        missing: list[int] = []
        for block in blocks:
            if block in held.pending:
                waiting.add(held.pending[block])
            elif block not in held.present:
                missing.append(block)
        for run in _runs(missing):
            task = asyncio.create_task(self._fetch(key, held, run), name="fetch")
            waiting.add(task)
            held.pending.update(dict.fromkeys(run, task))
        if waiting:
            # A visitor who disconnects must not cancel a fetch that other visitors wait for.
            results = await asyncio.shield(asyncio.gather(*waiting, return_exceptions=True))
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    async def _fetch(self, key: str, held: _CachedObject, blocks: range) -> None:
        start, stop = blocks.start * BLOCK, min(blocks.stop * BLOCK, len(held.view))
        try:
            async with self._slots:
                self.fetches += 1
                data = await self._objects.get_range(key, start, stop - start)
                self.fetched += len(data)
                self._write(key, held, data, start)
            held.add(blocks)
            if not held.dropped:
                self._weigh(held, len(data))
        finally:
            for block in blocks:
                held.pending.pop(block, None)
            if held.dropped:
                held.evict_one()
        self._shrink(self._budget, keep=key)

    def _write(self, key: str, held: _CachedObject, data: bytes, start: int) -> None:
        if held.file is not None:
            self._leave_reserve(len(data), keep=key)
        try:
            self._put(held, data, start)
        except StorageFullError:
            self._shrink(0, keep=key)
            try:
                self._put(held, data, start)
            except StorageFullError:
                self._full_until = time.monotonic() + FULL_FOR
                if self._held.get(key) is held:
                    self._drop(key)
                raise

    def _put(self, held: _CachedObject, data: bytes, start: int) -> None:
        if held.file is not None:
            with translated(held.file.path.name):
                self._objects.reserve.require(len(data))
        held.write(data, start)

    def _leave_reserve(self, length: int, *, keep: str) -> None:
        """Evicts objects, except `keep`, until `length` more bytes leave the disk's reserve free."""
        with suppress(OSError):
            short = length - self._objects.reserve.room().spare
            if short > 0:
                self._shrink(max(0, self.weight - short), keep=keep)

    def _find(self, key: str, size: int) -> _CachedObject:
        """Returns the cached object under the key, which may have no block yet. It is created if it is missing."""
        held = self._held.get(key)
        full = time.monotonic() < self._full_until
        if held is not None and held.file is None and not full and not held.pending:
            self._drop(key)
            held = None
        if held is None:
            # A complete file needs no further disk space.
            in_memory = full and _name(key) not in self._left
            held = self._held[key] = _remember(size) if in_memory else self._open(key, size)
        self._held.move_to_end(key)
        return held

    def _open(self, key: str, size: int) -> _CachedObject:
        try:
            with translated(key):
                path = self._own_folder() / _name(key)
                held = self._open_left(path, size)
                if held is None:
                    path.unlink(missing_ok=True)
                    # An operator may have removed the folder to free space.
                    path.parent.mkdir(parents=True, exist_ok=True)
                    held = _opened(path, size, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), range(0))
                return held
        except StorageFullError:
            self._full_until = time.monotonic() + FULL_FOR
            return _remember(size)

    def _open_left(self, path: Path, size: int) -> _CachedObject | None:
        """Returns the object in a file of an ended process, if this file exists and is unchanged. Raises OSError."""
        left = self._left.get(path.name)
        if left == size:
            with suppress(FileNotFoundError, _OtherSizeError):
                held = _opened(path, size, os.open(path, os.O_RDONLY), range(-(-size // BLOCK)))
                del self._left[path.name]
                return held
        if left is not None:
            self.weight -= self._left.pop(path.name)
        return None

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._folder, self._lives, self._left = folder_of_process(self.root)
            self.weight += sum(self._left.values())
        return self._folder

    def _weigh(self, held: _CachedObject, change: int) -> None:
        if held.file is not None:
            self.weight += change
        else:
            self.in_memory += change

    def _drop(self, key: str) -> None:
        held = self._held.pop(key)
        held.dropped = True
        self._weigh(held, -held.weight)
        if held.file is not None:
            # The file is removed at once, because the next request creates another file under the same name.
            held.file.path.unlink(missing_ok=True)
        held.evict_one()

    def _shrink(self, budget: int, *, keep: str) -> None:
        while self._left and (self.weight > budget or len(self._left) + len(self._held) > self._most):
            # An ended process has left this file, and this process has not used it.
            name, size = self._left.popitem(last=False)
            self.weight -= size
            (self._own_folder() / name).unlink(missing_ok=True)
        for key in list(self._held):
            too_many = len(self._held) > self._most
            if self.weight <= budget and self.in_memory <= IN_MEMORY and not too_many:
                return
            held = self._held[key]
            in_file = held.file is not None
            too_much = too_many or (self.weight > budget if in_file else self.in_memory > IN_MEMORY)
            # A single object may exceed the memory budget. It stays in memory until its reader is done.
            if too_much and not held.pending and (key != keep or not in_file):
                self._drop(key)


def _remember(size: int) -> _CachedObject:
    """Returns an empty object of this size in memory. Only written blocks use memory."""
    memory = mmap.mmap(-1, size)
    return _CachedObject(memoryview(memory).toreadonly(), None, memory)


def _runs(blocks: list[int]) -> Iterator[range]:
    """Groups adjacent block numbers into runs. Each run is at most as long as one request to the store may fetch."""
    start = 0
    for at in range(1, len(blocks) + 1):
        if at == len(blocks) or blocks[at] != blocks[at - 1] + 1 or (at - start) * BLOCK >= _AT_ONCE:
            yield range(blocks[start], blocks[at - 1] + 1)
            start = at


def _opened(path: Path, size: int, descriptor: int, present: range) -> _CachedObject:
    try:
        if not present:
            os.ftruncate(descriptor, size)
        elif os.fstat(descriptor).st_size != size:
            raise _OtherSizeError
        view = memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ))
    except BaseException:
        os.close(descriptor)
        raise
    return _CachedObject(view, _File(path, descriptor), present=set(present))


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
