"""The object store: bundles, manifests and uploads, in a folder or a bucket, through obstore.

Keys are relative paths made by Easel alone: `app-builds/{app}/{token}/{file}` for uploads and
`apps/{app}/{bundles,manifests,sources,variants}/{sha256}` for what versions are made of.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import mmap
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from easel.storage.errors import (
    EndpointWithoutTlsError,
    ObjectMissingError,
    ObjectsUrlInvalidError,
    ObjectTooLargeError,
    StoreUnavailableError,
)
from easel.storage.translation import translated

CHUNK = 1024 * 1024
Method = Literal["GET", "PUT"]

_ALLOW_HTTP = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
"""The variables that name an S3 server, the one that counts first."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store knows about an object; size in bytes."""

    key: str
    size: int
    etag: str | None
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class Pinned:
    """A private, unchangeable copy of an upload on this machine's disk, with its SHA-256 (hex) and size in bytes."""

    path: Path
    hash: str
    size: int


class ObjectStore:
    """The objects in one store. `local_path` is there for the folder store only."""

    presigns: frozenset[Method] = frozenset()
    """For what the store makes presigned URLs itself, so that those bytes never pass through the api."""
    far = False
    """Whether it is asked over a network, for which no transaction should wait."""

    def __init__(
        self, store: LocalStore | S3Store | GCSStore | AzureStore, scratch: Path, *, impatience: float | None = None
    ) -> None:
        self._store = store
        self._scratch = scratch
        self._impatience = impatience

    @asynccontextmanager
    async def _soon(self, key: str) -> AsyncIterator[None]:
        """For reading what is small: with its retries it may take `impatience` seconds in all."""
        with translated(key):
            try:
                async with asyncio.timeout(self._impatience):
                    yield
            except TimeoutError:
                raise StoreUnavailableError(reason=f"nothing came within {self._impatience:g} seconds") from None

    def local_path(self, key: str) -> Path | None:
        """Where the object lies on this machine's disk, or None if the store is not a folder."""
        return None

    async def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectMissingError, StoreUnavailableError."""
        async with self._soon(key):
            return bytes(await (await obstore.get_async(self._store, key)).bytes_async())

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes of the object from `start`. Raises ObjectMissingError, StoreUnavailableError."""
        if length == 0:
            return b""
        try:
            async with self._soon(key):
                return bytes(await obstore.get_range_async(self._store, key, start=start, length=length))
        except StoreUnavailableError as error:
            # A server may answer a range with everything (RFC 9110 §14.2); rclone's does.
            if "non-partial" not in str(error):
                raise
            return (await self.get(key))[start : start + length]

    async def put(self, key: str, data: bytes) -> None:
        """Stores the object, whole or not at all. Raises StorageFullError, StoreUnavailableError."""
        with translated(key):
            await obstore.put_async(self._store, key, data)

    async def put_file(self, key: str, path: Path) -> None:
        """Stores a file as an object, in parts when it is large. Raises StorageFullError, StoreUnavailableError."""
        with translated(key):
            await obstore.put_async(self._store, key, path)

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Stores what comes, whole or not at all; not at all as well if `pieces` raises, which is passed on.

        Raises StorageFullError, StoreUnavailableError.
        """
        with translated(key):
            # Each upload at a time holds this many parts of 5 MiB in memory.
            await obstore.put_async(self._store, key, pieces, max_concurrency=2)

    async def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object, or None if there is none. Raises StoreUnavailableError."""
        try:
            async with self._soon(key):
                meta = await obstore.head_async(self._store, key)
        except ObjectMissingError:
            return None
        return ObjectInfo(key=key, size=meta["size"], etag=meta["e_tag"], last_modified=meta["last_modified"])

    async def delete(self, key: str) -> None:
        """Removes the object; one that is not there is no error."""
        try:
            with translated(key):
                await obstore.delete_async(self._store, key)
        except ObjectMissingError:
            pass

    async def keys(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Every object under the prefix (a whole path segment). Raises StoreUnavailableError."""
        with translated(prefix):
            async for batch in obstore.list(self._store, prefix=prefix):
                for meta in batch:
                    yield ObjectInfo(
                        key=meta["path"], size=meta["size"], etag=meta["e_tag"], last_modified=meta["last_modified"]
                    )

    async def presigned(self, method: Method, key: str, expires: int) -> str:
        """A URL that the store itself honours for `expires` seconds. Only for what `presigns` holds.

        Raises StoreRefusesError if the credentials can sign nothing, and StoreUnavailableError, since those of an
        identity are signed with over the network.
        """
        assert isinstance(self._store, S3Store | GCSStore | AzureStore)
        async with self._soon(key):
            return await obstore.sign_async(self._store, method, key, timedelta(seconds=expires))

    @asynccontextmanager
    async def pin(self, key: str, *, limit: int | None = None) -> AsyncIterator[Pinned]:
        """A private copy of an uploaded object, hashed, for the length of the block.

        Whoever still holds the presigned URL may overwrite the upload at any time; nobody can change the copy.
        Raises ObjectMissingError, ObjectTooLargeError past `limit` bytes, StorageFullError, StoreUnavailableError.
        """
        descriptor, name = tempfile.mkstemp(dir=self._scratch, suffix=".pin")
        path = Path(name)
        digest = hashlib.sha256()
        size = 0
        try:
            with translated(key), os.fdopen(descriptor, "wb") as out:
                async for chunk in (await obstore.get_async(self._store, key)).stream(min_chunk_size=CHUNK):
                    data = bytes(chunk)
                    digest.update(data)
                    size += len(data)
                    if limit is not None and size > limit:
                        raise ObjectTooLargeError(key=key, limit=limit)
                    out.write(data)
            yield Pinned(path=path, hash=digest.hexdigest(), size=size)
        finally:
            path.unlink(missing_ok=True)

    async def adopt(self, pinned: Pinned, key: str) -> None:
        """Stores a pinned copy under its final key, if it is not there with this size already."""
        existing = await self.head(key)
        if existing is None or existing.size != pinned.size:
            await self.put_file(key, pinned.path)

    async def check(self) -> None:
        """Raises StoreUnavailableError unless the store answers."""
        await self.head("easel-ready")


class FolderObjects(ObjectStore):
    """Objects in a folder. Pinning is a hard link: no byte is copied, and an upload is only ever replaced whole."""

    def __init__(self, root: Path, scratch: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        super().__init__(LocalStore(self.root, mkdir=True), scratch)

    def local_path(self, key: str) -> Path | None:
        """Where the object lies on this machine's disk. Keys are made by Easel and never hold `..`."""
        return self.root.joinpath(*key.split("/"))

    def scratch_file(self) -> tuple[int, Path]:
        """A new empty file on the same disk as the objects: descriptor and path."""
        descriptor, name = tempfile.mkstemp(dir=self._scratch, suffix=".part")
        return descriptor, Path(name)

    def install(self, part: Path, key: str) -> None:
        """Moves a complete, synced scratch file into place under the key, atomically."""
        target = self.root.joinpath(*key.split("/"))
        with translated(key):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, target)

    async def put(self, key: str, data: bytes) -> None:
        """Stores the object durably: synced to disk, then renamed into place."""
        # A disk that is busy keeps this thread waiting, not all deploys of the worker.
        await asyncio.to_thread(self._put, key, data)

    def _put(self, key: str, data: bytes) -> None:
        with translated(key):
            descriptor, part = self.scratch_file()
            try:
                with os.fdopen(descriptor, "wb") as out:
                    out.write(data)
                    out.flush()
                    os.fsync(out.fileno())
                self.install(part, key)
            finally:
                part.unlink(missing_ok=True)

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Stores what comes durably: synced to disk, then renamed into place. Raises as for any store."""
        descriptor, part = self.scratch_file()
        try:
            # Closing writes what is left, so that it as well may find the disk full.
            with translated(key), os.fdopen(descriptor, "wb") as out:
                async for piece in pieces:
                    out.write(piece)
                out.flush()
                # A large one may take seconds, in which everybody else would wait.
                await asyncio.to_thread(os.fsync, out.fileno())
            self.install(part, key)
        finally:
            part.unlink(missing_ok=True)

    @asynccontextmanager
    async def pin(self, key: str, *, limit: int | None = None) -> AsyncIterator[Pinned]:
        """A hard link to the upload as it is now, hashed. Raises as for any store."""
        source = self.root.joinpath(*key.split("/"))
        descriptor, path = self.scratch_file()
        os.close(descriptor)
        path.unlink()
        try:
            with translated(key):
                try:
                    os.link(source, path)
                except OSError as error:
                    if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                        raise
                    shutil.copyfile(source, path)
                size = path.stat().st_size
                if limit is not None and size > limit:
                    raise ObjectTooLargeError(key=key, limit=limit)
                digest = await asyncio.to_thread(_hash_file, path, size)
            yield Pinned(path=path, hash=digest, size=size)
        finally:
            path.unlink(missing_ok=True)

    async def adopt(self, pinned: Pinned, key: str) -> None:
        """Gives the pinned copy its final name: one more hard link."""
        target = self.root.joinpath(*key.split("/"))
        with translated(key):
            if target.exists() and target.stat().st_size == pinned.size:
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            part = pinned.path.with_suffix(".adopt")
            try:
                try:
                    os.link(pinned.path, part)
                except OSError:
                    shutil.copyfile(pinned.path, part)
                os.replace(part, target)
            finally:
                part.unlink(missing_ok=True)


class BucketObjects(ObjectStore):
    """Objects in S3, GCS or Azure; endpoint, region and credentials come from their usual variables."""

    presigns: frozenset[Method] = frozenset(("GET", "PUT"))
    far = True

    async def check(self) -> None:
        """Raises StoreUnavailableError unless the bucket is there and may be read."""
        # Asking for an object would not tell a bucket that is missing from an object that is.
        async with self._soon("easel-ready"):
            async for _ in obstore.list(self._store, prefix="easel-ready"):
                break


class AzureObjects(BucketObjects):
    """Objects in Azure Blob Storage.

    It takes a PUT only with a header of its own, `x-ms-blob-type`, which whoever uploads to a presigned URL does not
    send, and which nothing in the URL can stand for. Uploads therefore go through the api.
    """

    presigns: frozenset[Method] = frozenset(("GET",))


def open_objects(
    url: str | None, folder: Path, scratch: Path, *, patience: float = 300, impatience: float | None = None
) -> ObjectStore:
    """The store at the URL (`s3://bucket/prefix`, `gs://`, `az://`), or the folder when there is no URL.

    `patience` is how many seconds one request to a bucket may take, with its body; `impatience`, where given, how many
    reading a whole object, a range or what is known of it may take, with all retries. Raises ObjectsUrlInvalidError,
    EndpointWithoutTlsError.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    if url is None:
        return FolderObjects(folder, scratch)
    if url.startswith("file://"):
        return FolderObjects(Path(url.removeprefix("file://")), scratch)
    allow_http = any(os.environ.get(name, "").lower() in ("1", "true", "yes") for name in _ALLOW_HTTP)
    try:
        store = obstore.store.from_url(
            url,
            client_options={
                "connect_timeout": timedelta(seconds=3),
                "timeout": timedelta(seconds=patience),
                # Options given here take the place of these variables.
                "allow_http": allow_http,
            },
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=10)},
        )
    except (BaseError, ValueError) as error:
        reason = str(error).splitlines()[0].removeprefix("Generic MicrosoftAzure error: ")
        raise ObjectsUrlInvalidError(url=url, reason=reason[:200].rstrip(".")) from error
    if not isinstance(store, S3Store | GCSStore | AzureStore):
        raise ObjectsUrlInvalidError(url=url, reason=f"it is a {type(store).__name__}")
    variable = next((name for name in _ENDPOINTS if os.environ.get(name)), "")
    endpoint = os.environ.get(variable, "")
    if isinstance(store, S3Store) and endpoint.startswith("http://") and not allow_http:
        raise EndpointWithoutTlsError(variable=variable, endpoint=endpoint)
    kind = AzureObjects if isinstance(store, AzureStore) else BucketObjects
    return kind(store, scratch, impatience=impatience)


def _hash_file(path: Path, size: int) -> str:
    if size == 0:
        return hashlib.sha256().hexdigest()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return hashlib.sha256(view).hexdigest()
