"""The object store for an edge's reads, which also reports whether the store is reachable."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from easel.errors import EaselError
from easel.storage.disk_reserve import DiskReserve
from easel.storage.errors import StoreUnavailableError
from easel.storage.objects import ObjectInfo, ObjectStore

CHECK_EVERY = 2.0
"""Seconds for which the result of one check of the object store is reused, however many health checks come."""
CHECK_TIMEOUT = 3.0
"""Timeout of a check of the store, in seconds."""


class EdgeStore:
    """The read methods of the object store. `answers` is true if the store responded to the last request."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self.answers = True

    @property
    def reserve(self) -> DiskReserve:
        """Returns the space on the disk that the edge's cache must leave free."""
        return self._objects.reserve

    def local_path(self, key: str) -> Path | None:
        """Returns the object's path on this machine's disk, like `ObjectStore.local_path`."""
        return self._objects.local_path(key)

    async def get(self, key: str) -> bytes:
        """Returns the whole object under the key, like `ObjectStore.get`."""
        with self._noticed():
            return await self._objects.get(key)

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """Returns `length` bytes of the object, like `ObjectStore.get_range`. Also raises StoreUnavailableError if
        fewer bytes arrive."""
        with self._noticed():
            data = await self._objects.get_range(key, start, length)
        if len(data) != length:
            raise StoreUnavailableError(reason=f"the object store returned {len(data)} of {length} bytes")
        return data

    async def head(self, key: str) -> ObjectInfo | None:
        """Returns the record of the object under the key, like `ObjectStore.head`."""
        with self._noticed():
            return await self._objects.head(key)

    def look(self) -> bool:
        """Returns true if the object store responded to the last request.

        Starts a new check in the background, at most every few seconds. It does not wait for the check: if a health
        check waited for a slow store, the edge would be considered dead.
        """
        if time.monotonic() - self._looked >= CHECK_EVERY and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look(), name="check the object store")
        return self.answers

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await self._objects.check()
            self.answers = True
        except (EaselError, OSError):  # TimeoutError is an OSError.
            self.answers = False
        finally:
            self._looked = time.monotonic()

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        try:
            yield
        except StoreUnavailableError:
            self.answers = False
            raise
        self.answers = True
