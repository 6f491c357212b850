"""A bounded cache on disk of what lies in a bucket: the parts of bundles that visitors asked for.

Every object is a sparse file that is mapped once. Blocks are fetched when something in them is needed, the whole
object when it is small; however many wait for a block, it is fetched once. All of it can be lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import mmap
import os
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from easel.storage.errors import ObjectMissingError, StorageFullError, StoreUnavailableError
from easel.storage.objects import ObjectStore, translated

BLOCK = 256 * 1024
"""What is fetched at least (bytes)."""
SMALL = 4 * 1024 * 1024
"""Objects up to this size (bytes) are fetched whole at the first look."""
_AT_ONCE = 8 * 1024 * 1024
_FETCHES = 4


@dataclass
class _Held:
    """One object as far as it is here. `present` and `pending` are block numbers."""

    path: Path
    descriptor: int
    view: memoryview
    present: set[int] = field(default_factory=set)
    pending: dict[int, asyncio.Task[None]] = field(default_factory=dict)


class DiskCache:
    """The cache of one edge process, at most `budget` bytes on disk, the least recently used objects leaving first."""

    def __init__(self, objects: ObjectStore, folder: Path, *, budget: int) -> None:
        self._objects = objects
        self._root = folder
        self._budget = budget
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._slots = asyncio.Semaphore(_FETCHES)
        self._folder: Path | None = None
        self.weight = 0
        """Bytes on disk."""
        self.fetches = 0
        """Requests made to the store."""
        self.fetched = 0
        """Bytes fetched from the store."""

    async def whole(self, key: str) -> memoryview:
        """All of an object. Raises ObjectMissingError, StoreUnavailableError, StorageFullError."""
        held = self._held.get(key)
        if held is None:
            info = await self._objects.head(key)
            if info is None:
                raise ObjectMissingError(key=key)
            return await self.view(key, info.size, 0, info.size)
        return await self.view(key, len(held.view), 0, len(held.view))

    async def view(self, key: str, size: int, start: int, stop: int) -> memoryview:
        """An object of `size` bytes, of which the bytes from `start` to `stop` are there to be read, and maybe others.

        The memory stays readable for as long as somebody holds it, whatever leaves the cache.
        Raises ObjectMissingError, StoreUnavailableError, StorageFullError.
        """
        if size == 0:
            return memoryview(b"")
        held = self._held.get(key)
        if held is None:
            held = self._open(key, size)
        else:
            self._held.move_to_end(key)
        if size <= SMALL:
            start, stop = 0, size
        waiting: set[asyncio.Task[None]] = set()
        missing: list[int] = []
        for block in range(start // BLOCK, -(-stop // BLOCK)):
            if block in held.pending:
                waiting.add(held.pending[block])
            elif block not in held.present:
                missing.append(block)
        for run in _runs(missing):
            task = asyncio.create_task(self._fetch(key, held, run), name="fetch")
            waiting.add(task)
            held.pending.update(dict.fromkeys(run, task))
        if waiting:
            # A visitor who leaves does not stop what others wait for.
            results = await asyncio.shield(asyncio.gather(*waiting, return_exceptions=True))
            for result in results:
                if isinstance(result, BaseException):
                    raise result
        return held.view

    async def _fetch(self, key: str, held: _Held, blocks: range) -> None:
        start, stop = blocks.start * BLOCK, min(blocks.stop * BLOCK, len(held.view))
        try:
            async with self._slots:
                self.fetches += 1
                data = await self._objects.get_range(key, start, stop - start)
                if len(data) != stop - start:
                    raise StoreUnavailableError(reason=f"it gave {len(data)} of {stop - start} bytes")
                self.fetched += len(data)
                try:
                    _write(held, data, start)
                except StorageFullError:
                    self._shrink(0, keep=key)
                    _write(held, data, start)
            held.present.update(blocks)
            self.weight += len(data)
        finally:
            for block in blocks:
                held.pending.pop(block, None)
        self._shrink(self._budget, keep=key)

    def _open(self, key: str, size: int) -> _Held:
        if self._folder is None:
            self._folder = _own_folder(self._root)
        path = self._folder / hashlib.sha256(key.encode()).hexdigest()
        with translated(key):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            os.ftruncate(descriptor, size)
            view = memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ))
        held = self._held[key] = _Held(path, descriptor, view)
        return held

    def _shrink(self, budget: int, *, keep: str) -> None:
        for key in list(self._held):
            if self.weight <= budget:
                return
            held = self._held[key]
            if key != keep and not held.pending:
                del self._held[key]
                self.weight -= sum(min(BLOCK, len(held.view) - block * BLOCK) for block in held.present)
                os.close(held.descriptor)
                held.path.unlink(missing_ok=True)


def _write(held: _Held, data: bytes, start: int) -> None:
    with translated(held.path.name):
        # Not through the mapping: there a full disk would be a signal that ends the process.
        at = 0
        while at < len(data):
            at += os.pwrite(held.descriptor, data[at:], start + at)


def _runs(blocks: list[int]) -> Iterator[range]:
    """Neighbouring blocks together, as far as one request may fetch."""
    start = 0
    for at in range(1, len(blocks) + 1):
        if at == len(blocks) or blocks[at] != blocks[at - 1] + 1 or (at - start) * BLOCK >= _AT_ONCE:
            yield range(blocks[start], blocks[at - 1] + 1)
            start = at


def _own_folder(root: Path) -> Path:
    """A fresh folder for this process; those of processes that are gone are removed."""
    root.mkdir(parents=True, exist_ok=True)
    for left in root.iterdir():
        if not left.name.isdigit() or not Path(f"/proc/{left.name}").exists() or left.name == str(os.getpid()):
            shutil.rmtree(left, ignore_errors=True)
    folder = root / str(os.getpid())
    folder.mkdir(exist_ok=True)
    return folder
