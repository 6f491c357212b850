"""The object store in a folder on this machine."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from obstore.store import LocalStore

from easel.files import hash_file
from easel.storage.disk_reserve import DiskReserve
from easel.storage.errors import ObjectTooLargeError, StoreUnavailableError
from easel.storage.objects import ObjectInfo, ObjectStore, PinnedUpload
from easel.storage.translation import translated

_HASHED_AT_ONCE = 64 * 1024
"""Maximum number of bytes of an upload that is hashed without a thread. For a small upload, starting a thread would
take longer than hashing."""


class FolderObjects(ObjectStore):
    """The objects of Easel in a folder. The private copy of an upload is a hard link: no byte is copied, because an
    upload is only ever replaced as a whole."""

    def __init__(self, root: Path, scratch: Path, *, reserve: DiskReserve | None = None) -> None:
        root.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        super().__init__(LocalStore(self.root, mkdir=True), scratch, reserve=reserve)

    def local_path(self, key: str) -> Path | None:
        """Returns the path of the object on this machine's disk. Easel itself creates all keys, and they never contain
        `..`."""
        return self.root.joinpath(*key.split("/"))

    async def head(self, key: str) -> ObjectInfo | None:
        """Returns the size, time and ETag of the object under the key, or None if there is none. It reads them from the
        file system, because a call of the store library would take a thread. Raises StoreUnavailableError."""
        with translated(key):
            try:
                found = self.root.joinpath(*key.split("/")).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            if not stat.S_ISREG(found.st_mode):
                return None
        return ObjectInfo(
            key=key,
            size=found.st_size,
            etag=f'"{found.st_ino:x}-{found.st_mtime_ns // 1000:x}-{found.st_size:x}"',
            last_modified=datetime.fromtimestamp(found.st_mtime_ns // 1000 / 1e6, UTC),
        )

    def scratch_file(self) -> tuple[int, Path]:
        """Returns a new empty file on the same disk as the objects, as descriptor and path."""
        descriptor, name = tempfile.mkstemp(dir=self._scratch, suffix=".part")
        return descriptor, Path(name)

    def install(self, part: Path, key: str) -> None:
        """Moves a complete, synced scratch file atomically into the place of the object under the key."""
        target = self.root.joinpath(*key.split("/"))
        with translated(key):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, target)

    async def put(self, key: str, data: bytes) -> None:
        """Stores the data as an object, durably: it is synced to disk, and the file is then renamed into place."""
        # A busy disk blocks only this thread, and not all deploys of the worker.
        await asyncio.to_thread(self._put, key, data)

    def _put(self, key: str, data: bytes) -> None:
        with _written(key):
            self.reserve.require(len(data))
            descriptor, part = self.scratch_file()
            try:
                with os.fdopen(descriptor, "wb") as out:
                    out.write(data)
                    out.flush()
                    os.fsync(out.fileno())
                self.install(part, key)
            finally:
                part.unlink(missing_ok=True)

    async def put_file(self, key: str, path: Path) -> None:
        """Stores the file at the path as an object. Raises the errors that any store may raise."""
        with _written(key):
            self.reserve.require(path.stat().st_size)
        await super().put_file(key, path)

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes], *, length: int = 0) -> None:
        """Stores the pieces as an object, durably: they are synced to disk, and the file is then renamed into place.
        Raises the errors that any store may raise."""
        with _written(key):
            descriptor, part = self.scratch_file()
        try:
            # Closing flushes the remaining data, so it can fail on a full disk too.
            with (
                _written(key),
                os.fdopen(descriptor, "wb") as out,
                self.reserve.promised(length) as promise,
            ):
                async for piece in pieces:
                    out.write(piece)
                    promise.wrote(len(piece))
                out.flush()
                # Syncing a large file may take seconds, so it runs in a thread.
                await asyncio.to_thread(os.fsync, out.fileno())
            self.install(part, key)
        finally:
            part.unlink(missing_ok=True)

    @asynccontextmanager
    async def pin(self, key: str, *, limit: int | None = None) -> AsyncIterator[PinnedUpload]:
        """Yields a hard link to the present file of an upload as its private copy. A large upload is hashed in a
        thread. Raises the errors that any store may raise."""
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
                    self.reserve.require(source.stat().st_size)
                    shutil.copyfile(source, path)
                size = path.stat().st_size
                if limit is not None and size > limit:
                    raise ObjectTooLargeError(key=key, limit=limit)
                hashing: asyncio.Future[str]
                if size <= _HASHED_AT_ONCE:
                    hashing = asyncio.get_running_loop().create_future()
                    hashing.set_result(hash_file(path))
                else:
                    hashing = asyncio.ensure_future(_hashed(key, path))
            try:
                yield PinnedUpload(path=path, size=size, hashing=hashing)
            finally:
                hashing.cancel()
                await asyncio.gather(hashing, return_exceptions=True)
        finally:
            path.unlink(missing_ok=True)

    async def adopt(self, pinned: PinnedUpload, key: str) -> None:
        """Stores the private copy of an upload under its final key, by another hard link."""
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
                    self.reserve.require(pinned.size)
                    shutil.copyfile(pinned.path, part)
                os.replace(part, target)
            finally:
                part.unlink(missing_ok=True)


async def _hashed(key: str, path: Path) -> str:
    with translated(key):
        return await asyncio.to_thread(hash_file, path)


@contextmanager
def _written(key: str) -> Iterator[None]:
    """Translates errors like `translated`, for writes: if a folder is missing during a write, this does not mean that
    the object is missing."""
    with translated(key):
        try:
            yield
        except FileNotFoundError as error:
            raise StoreUnavailableError(reason="the folder of the object store is missing") from error
