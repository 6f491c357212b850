"""The object store: bundles, manifests and uploads, in a folder or a bucket, through the library obstore.

Only Easel creates keys. Keys are relative paths: `app-builds/{app}/{token}/{file}` for uploads and
`apps/{app}/{bundles,manifests,sources,variants}/{sha256}` for the parts of versions.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import obstore
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from easel.storage.disk_reserve import DiskReserve
from easel.storage.errors import (
    ObjectMissingError,
    ObjectTooLargeError,
    StoreUnavailableError,
)
from easel.storage.translation import translated

CHUNK = 1024 * 1024
Method = Literal["GET", "PUT"]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """The object store's record of an object. The size is in bytes."""

    key: str
    size: int
    etag: str | None
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class PinnedUpload:
    """A private, unchangeable copy of an upload on this machine's disk, with its size in bytes. `hashing` returns its
    SHA-256 (hex)."""

    path: Path
    size: int
    hashing: asyncio.Future[str]

    async def hash(self) -> str:
        """Returns the SHA-256 (hex) of the copy. Waits for it if the copy is still being hashed. Raises
        StoreUnavailableError."""
        return await asyncio.shield(self.hashing)


class ObjectStore:
    """The objects in one object store, which is a folder or a bucket. Only a folder has a `local_path` for each
    object."""

    presigns: frozenset[Method] = frozenset()
    """The operations for which the store itself accepts presigned URLs. Bytes that are sent to such a URL bypass the
    api."""
    far = False
    """True if the store is reached over a network. No database transaction should wait for such a store."""

    def __init__(
        self,
        store: LocalStore | S3Store | GCSStore | AzureStore,
        scratch: Path,
        *,
        impatience: float | None = None,
        reserve: DiskReserve | None = None,
    ) -> None:
        self._store = store
        self._scratch = scratch
        self._impatience = impatience
        self.reserve = reserve or DiskReserve(scratch, "0")
        """The space that must stay free on the disk with the scratch files, and, for a folder, the objects."""

    @asynccontextmanager
    async def _soon(self, key: str) -> AsyncIterator[None]:
        """Limits the time of the block, which reads a small object, to `impatience` seconds, including retries. Raises
        StoreUnavailableError after that."""
        with translated(key):
            try:
                async with asyncio.timeout(self._impatience):
                    yield
            except TimeoutError:
                raise StoreUnavailableError(reason=f"no data arrived within {self._impatience:g} seconds") from None

    def local_path(self, key: str) -> Path | None:
        """Returns the path of the object on this machine's disk. Returns None if the store is a bucket."""
        return None

    async def get(self, key: str) -> bytes:
        """Returns the whole object under the key. Raises ObjectMissingError, StoreUnavailableError."""
        async with self._soon(key):
            return bytes(await (await obstore.get_async(self._store, key)).bytes_async())

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """Returns `length` bytes of the object, from the offset `start`. Raises ObjectMissingError,
        StoreUnavailableError."""
        if length == 0:
            return b""
        try:
            async with self._soon(key):
                return bytes(await obstore.get_range_async(self._store, key, start=start, length=length))
        except StoreUnavailableError as error:
            # A server may ignore the requested range (RFC 9110 §14.2), as rclone's server does, and send the whole
            # object.
            if "non-partial" not in str(error):
                raise
            return (await self.get(key))[start : start + length]

    async def put(self, key: str, data: bytes) -> None:
        """Stores the data as an object, completely or not at all. Raises StorageFullError, StoreUnavailableError."""
        with translated(key):
            await obstore.put_async(self._store, key, data)

    async def put_file(self, key: str, path: Path) -> None:
        """Stores the file at the path as an object, in parts if it is large. Raises StorageFullError,
        StoreUnavailableError."""
        with translated(key):
            await obstore.put_async(self._store, key, path)

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes], *, length: int = 0) -> None:
        """Stores the pieces as one object, completely or not at all. If `pieces` raises an error, nothing is stored and
        the error is passed on.

        If `length` (bytes) is known, this space is reserved on the disk. Raises StorageFullError,
        StoreUnavailableError.
        """
        with translated(key):
            # Each concurrent upload holds this many parts of 5 MiB in memory.
            await obstore.put_async(self._store, key, pieces, max_concurrency=2)

    async def head(self, key: str) -> ObjectInfo | None:
        """Returns the store's record of the object. Returns None if there is no object. Raises
        StoreUnavailableError."""
        try:
            async with self._soon(key):
                meta = await obstore.head_async(self._store, key)
        except ObjectMissingError:
            return None
        return ObjectInfo(key=key, size=meta["size"], etag=meta["e_tag"], last_modified=meta["last_modified"])

    async def delete(self, key: str) -> None:
        """Removes the object under the key. Does nothing if there is no such object."""
        try:
            with translated(key):
                await obstore.delete_async(self._store, key)
        except ObjectMissingError:
            pass

    async def keys(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Yields the record of every object whose key begins with the prefix (a whole path segment). Raises
        StoreUnavailableError."""
        with translated(prefix):
            async for batch in obstore.list(self._store, prefix=prefix):
                for meta in batch:
                    yield ObjectInfo(
                        key=meta["path"], size=meta["size"], etag=meta["e_tag"], last_modified=meta["last_modified"]
                    )

    async def presigned(self, method: Method, key: str, expires: int) -> str:
        """Returns a URL that the store itself accepts for `expires` seconds. Supports only the operations in
        `presigns`.

        Raises StoreRefusesError if the credentials cannot sign. Raises StoreUnavailableError if signing fails, because
        credentials of a cloud identity sign over the network.
        """
        assert isinstance(self._store, S3Store | GCSStore | AzureStore)
        async with self._soon(key):
            return await obstore.sign_async(self._store, method, key, timedelta(seconds=expires))

    async def pieces(self, key: str) -> AsyncIterator[bytes]:
        """Yields the bytes of the object in order, about a mebibyte at a time, without writing them to a disk.

        Raises ObjectMissingError, StoreUnavailableError.
        """
        with translated(key):
            async for piece in (await obstore.get_async(self._store, key)).stream(min_chunk_size=CHUNK):
                yield bytes(piece)

    @asynccontextmanager
    async def pin(self, key: str, *, limit: int | None = None) -> AsyncIterator[PinnedUpload]:
        """Copies an uploaded object to a private file for the duration of the `with` block.

        Anybody with the presigned URL may overwrite the upload at any time, but nobody can change the copy. Raises
        ObjectMissingError, StorageFullError, StoreUnavailableError. Raises ObjectTooLargeError if the object has more
        than `limit` bytes.
        """
        descriptor, name = tempfile.mkstemp(dir=self._scratch, suffix=".pin")
        path = Path(name)
        digest = hashlib.sha256()
        size = 0
        try:
            with translated(key), os.fdopen(descriptor, "wb") as out, self.reserve.promised(0) as promise:
                async for data in self.pieces(key):
                    digest.update(data)
                    size += len(data)
                    if limit is not None and size > limit:
                        raise ObjectTooLargeError(key=key, limit=limit)
                    out.write(data)
                    promise.wrote(len(data))
            hashing: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            hashing.set_result(digest.hexdigest())
            yield PinnedUpload(path=path, size=size, hashing=hashing)
        finally:
            path.unlink(missing_ok=True)

    async def adopt(self, pinned: PinnedUpload, key: str) -> None:
        """Stores the private copy of an upload under its final key, unless an object of the same size is already there.
        A small copy is stored without this check, because the check would take as long as storing the copy."""
        existing = await self.head(key) if pinned.size > CHUNK else None
        if existing is None or existing.size != pinned.size:
            await self.put_file(key, pinned.path)

    async def check(self) -> None:
        """Raises StoreUnavailableError unless the object store responds."""
        await self.head("easel-ready")
