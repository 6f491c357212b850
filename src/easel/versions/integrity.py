"""Verifies that the stored bytes of a version match its record, before a pointer moves to the version."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import msgspec
from cachetools import LRUCache

from easel.bundles.models import BundleRef, Manifest, decode_manifest
from easel.files import hash_file
from easel.storage.errors import ObjectMissingError, ObjectNameError
from easel.storage.object_names import hash_in
from easel.storage.objects import ObjectStore
from easel.versions.errors import VersionDamagedError, VersionHasNoFilesError
from easel.versions.models import Version
from easel.versions.service import VersionRef


async def load_manifest(objects: ObjectStore, version: Version | VersionRef) -> Manifest:
    """Returns the version's manifest, verified against the hash in its key. Raises VersionHasNoFilesError,
    VersionDamagedError, StoreUnavailableError."""
    key, sha256 = _manifest_of(version)
    try:
        data = await objects.get(key)
    except ObjectMissingError as error:
        raise VersionDamagedError(
            version=version.number, reason="its manifest is missing from the object store"
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise VersionDamagedError(version=version.number, reason="its manifest in the object store is damaged")
    try:
        return decode_manifest(data)
    except msgspec.MsgspecError as error:
        raise VersionDamagedError(version=version.number, reason="its manifest cannot be read") from error


class Verifier:
    """Verifies the bundles of versions by their hashes, and remembers the result until a bundle changes.

    An unchanged object is not hashed again. In a folder, an object is unchanged if its file has the same inode, size
    and times. In a bucket, an object is unchanged if it has the same size and ETag.
    """

    def __init__(self, objects: ObjectStore, remembered: int = 4096) -> None:
        self._objects = objects
        self.far = objects.far
        """True if verifying may take long, so that no database transaction should wait for it."""
        self._known: LRUCache[str, tuple[object, ...]] = LRUCache(remembered)
        self._manifests: LRUCache[str, tuple[tuple[int, ...], list[BundleRef]]] = LRUCache(remembered)

    async def verify(self, version: Version | VersionRef) -> None:
        """Verifies the manifest and the bundles of the version. Raises VersionHasNoFilesError, VersionDamagedError,
        StoreUnavailableError."""
        for bundle in await self._bundles(version):
            reason = await self._fault(bundle)
            if reason is not None:
                raise VersionDamagedError(version=version.number, reason=reason)

    async def _bundles(self, version: Version | VersionRef) -> list[BundleRef]:
        """Returns the bundles that the version's manifest lists. The list is cached until the manifest's file
        changes."""
        key, _ = _manifest_of(version)
        path = self._objects.local_path(key)
        if path is None or not path.exists():
            return (await load_manifest(self._objects, version)).bundles
        state = _state(path)
        known = self._manifests.get(key)
        if known is None or known[0] != state:
            known = (state, (await load_manifest(self._objects, version)).bundles)
            self._manifests[key] = known
        return known[1]

    async def _fault(self, bundle: BundleRef) -> str | None:
        path = self._objects.local_path(bundle.key)
        if path is not None:
            return await self._fault_in_file(bundle, path)
        info = await self._objects.head(bundle.key)
        if info is None:
            return "its bundle is missing from the object store"
        state = (info.size, info.etag)
        if info.size != bundle.size:
            return "its bundle in the object store is damaged (the length is wrong)"
        if self._known.get(bundle.key) != state:
            async with self._objects.pin(bundle.key) as pinned:
                if await pinned.hash() != bundle.hash:
                    return "its bundle in the object store is damaged"
            self._known[bundle.key] = state
        return None

    async def _fault_in_file(self, bundle: BundleRef, path: Path) -> str | None:
        try:
            status = path.stat()
        except FileNotFoundError:
            return "its bundle is missing from the object store"
        if status.st_size != bundle.size:
            return "its bundle in the object store is damaged (the length is wrong)"
        state = _state(path)
        if self._known.get(bundle.key) != state:
            if await asyncio.to_thread(hash_file, path) != bundle.hash:
                return "its bundle in the object store is damaged"
            self._known[bundle.key] = state
        return None


def _manifest_of(version: Version | VersionRef) -> tuple[str, str]:
    """Returns the key of the version's manifest, and the hash that the key contains. Raises VersionHasNoFilesError,
    VersionDamagedError."""
    if version.manifest_key is None:
        raise VersionHasNoFilesError(version=version.number)
    try:
        return version.manifest_key, hash_in(version.manifest_key)
    except ObjectNameError as error:
        reason = "the key of its manifest does not have the form of a key that Easel uses for objects"
        raise VersionDamagedError(version=version.number, reason=reason) from error


def _state(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
