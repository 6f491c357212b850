"""The content cache of the edge: manifests, bundles, and variants (compressed forms of files). All can be read
again."""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from itertools import islice
from typing import NamedTuple, TypeVar

from easel.bundles.inflate import CHUNK, DamagedDataError, inflate, raw
from easel.bundles.models import STORED, ZSTANDARD, Coding, Manifest, Member, decode_manifest
from easel.bundles.read import gzip_frame
from easel.bundles.restarts import Restarts, inflate_from
from easel.bundles.slices import AT_ONCE, decode_in_slices
from easel.bundles.types import is_compressible
from easel.edge import weights
from easel.edge.cache.disk import DiskCache
from easel.edge.cache.inflated import InflatedFiles
from easel.edge.cache.lru import LruCache, ValuesInUse
from easel.edge.cache.manifests import ManifestCache
from easel.edge.cache.mapped_body import MappedBody, Mappings
from easel.edge.cache.watched_store import EdgeStore
from easel.serving.models import BundleSlice, Encoding
from easel.serving.respond import Representations, Variants
from easel.serving.variants import CODINGS, HEADER, RESTARTS, data_begins, read_index, variant_key
from easel.storage.errors import ObjectMissingError, StoreUnavailableError
from easel.storage.object_names import hash_in

_MAPPED_BUNDLES = 512
_AT_A_TIME = 2500
"""Number of files of a large manifest that are processed before other tasks get a turn."""
_KEPT_AFTER = 0.1
"""Delay in seconds between the first response from a new manifest and the saving of the manifest on disk."""
_ZSTANDARD_AT_ONCE = 32
"""Maximum number of large Zstandard members inflated at the same time. Each holds a window of up to 8 MiB."""
_ZSTANDARD_OF_AN_APP = 4
"""Maximum number of large Zstandard members of one app that are inflated at the same time, so that slow readers of this
app do not block other apps."""
_NEAR = 1024 * 1024
_SMALL_CHUNK = 64 * 1024
_MAPPED_CHUNK = 1024 * 1024
V = TypeVar("V")
WINDOW = 8 * 1024 * 1024
"""Number of bytes of a large file that are fetched from a bucket ahead of a reader."""


class Content:
    """The cache of manifests, bundles and variants, which are found by their keys in the object store.

    Bundles of a store in a local folder are memory-mapped in place. The requested parts of bundles in a bucket are
    cached on disk. `budget` is the memory in bytes for manifests and variants together.
    """

    def __init__(self, objects: EdgeStore, disk: DiskCache, kept: ManifestCache, *, budget: int) -> None:
        self._objects = objects
        self.disk = disk
        self._kept = kept
        self._alive: ValuesInUse[str, Manifest] = ValuesInUse()
        self._manifests: LruCache[_Weighed] = LruCache(budget // 2, lambda kept: kept.weight)
        self._variants: LruCache[dict[str, tuple[int, int]]] = LruCache(
            budget // 2, lambda index: weights.VARIANT * (len(index) + 2)
        )
        self._bundles: LruCache[memoryview] = LruCache(_MAPPED_BUNDLES)
        self._mappings = Mappings(disk.root, objects.reserve)
        self.inflated = InflatedFiles(budget // 4, self._mappings)
        self._decoding = asyncio.Lock()
        self._inflating = asyncio.Semaphore(_ZSTANDARD_AT_ONCE)
        self._inflating_of: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()

    @property
    def weight(self) -> int:
        """Returns the approximate memory (bytes) of the cached variants and of all manifests in use."""
        mapped = weights.MAPPED * len(self._bundles)
        return self._alive.weight + self._variants.weight + mapped + self._kept.weight + self.inflated.weight

    async def manifest(self, key: str) -> Manifest:
        """Returns the manifest that the object store has under the key. Raises ObjectMissingError,
        StoreUnavailableError, and msgspec's errors."""

        async def load() -> _Weighed:
            manifest = self._alive.get(key)
            if manifest is None:
                manifest = await self.read_manifest(key)
                self._alive.add(key, manifest, await _weight(manifest))
            return _Weighed(manifest, self._alive.weight_of(key))

        return (await self._manifests.get(key, load)).manifest

    def weight_of(self, key: str) -> int:
        """Returns the approximate memory (bytes) of the manifest under the key, or 0 if the manifest is not in use."""
        return self._alive.weight_of(key)

    def forget_manifest(self, key: str) -> None:
        """Evicts the manifest under the key. If it is needed again, it is read again."""
        self._manifests.forget(key)

    async def read_manifest(self, key: str) -> Manifest:
        """Returns the manifest under the key, read without caching it. Raises the errors of `manifest`."""
        if self._objects.local_path(key) is not None:
            return await self._decoded(await self._objects.get(key))
        data = await asyncio.to_thread(self._kept.get, hash_in(key))
        if data is None:
            data = await self._objects.get(key)
            asyncio.get_running_loop().call_later(_KEPT_AFTER, self._put, hash_in(key), data)
        return await self._decoded(data)

    def _put(self, manifest: str, data: bytes) -> None:
        # A thread is used, because the manifest may have many megabytes.
        asyncio.get_running_loop().run_in_executor(None, self._kept.put, manifest, data)

    async def _decoded(self, data: bytes) -> Manifest:
        if len(data) <= AT_ONCE:
            return decode_manifest(data)
        manifest = await self._sliced(decode_in_slices(data))
        # Freeing the files takes a fifth as long as decoding them, so they are freed in batches.
        weakref.finalize(manifest, _let_go, asyncio.get_running_loop(), manifest.files).atexit = False
        return manifest

    async def _sliced(self, slices: Iterator[V | None]) -> V:
        made = next(slices)
        if made is not None:
            return made
        # Only one object is decoded at a time, so that other tasks run after each slice.
        async with self._decoding:
            for made in slices:
                if made is not None:
                    return made
                await asyncio.sleep(0)
        raise AssertionError

    async def bundle(self, manifest: Manifest, member: Member, part: BundleSlice | None = None) -> memoryview:
        """Returns the bundle that contains the member. At least the stored bytes of `part` are readable (without
        `part`: of the whole member). If a long part is sent as stored, only its first bytes are readable, because
        `stream` fetches the following bytes. Raises ObjectMissingError, StoreUnavailableError."""
        start, stop = member.offset, member.offset + member.length
        if part is not None:
            start, stop = _stored_range(part)
            if _is_sent_unchanged(part):
                stop = min(stop, start + WINDOW)
        return await self._view(manifest, member, start, stop)

    def forget_bundles(self, manifest: Manifest) -> None:
        """Evicts the bundles of a manifest that seemed damaged, so that they are read again. They may have been
        repaired."""
        for bundle in manifest.bundles:
            self._bundles.forget(bundle.key)
            self.disk.forget(bundle.key)

    @asynccontextmanager
    async def _turn_of(self, app_id: str) -> AsyncIterator[None]:
        own = self._inflating_of.setdefault(app_id, asyncio.Semaphore(_ZSTANDARD_OF_AN_APP))
        async with own, self._inflating:
            yield

    async def stream(self, part: BundleSlice) -> AsyncIterator[bytes | memoryview]:
        """Yields the bytes of a part of a file, fetched window by window, in pieces of bounded size. Some pieces are
        empty.

        Bytes of a mapped bundle are not copied, so slow readers cost no memory. Raises DamagedDataError,
        ObjectMissingError, StoreUnavailableError.
        """
        if not _is_sent_unchanged(part):
            async with self._turn_of(part.source.app_id) if part.member.method == ZSTANDARD else nullcontext():
                for piece in pieces(part, await self.bundle(part.source.manifest, part.member, part)):
                    yield piece
            return
        header, trailer = gzip_frame(part.member) if part.encoding == "gzip" else (b"", b"")
        start, stop = _stored_range(part)
        mapped = self._objects.local_path(part.source.manifest.bundles[part.member.bundle].key) is not None
        yield header
        for begin in range(start, stop, WINDOW):
            end = min(stop, begin + WINDOW)
            view = await self._view(part.source.manifest, part.member, begin, end)
            if mapped:
                for at in range(begin, end, _MAPPED_CHUNK):
                    yield view[at : min(end, at + _MAPPED_CHUNK)]
                continue
            # The disk cache may evict blocks of a window while the window waits to be sent.
            for at in range(begin, end, CHUNK):
                yield bytes(view[at : min(end, at + CHUNK)])
        yield trailer

    async def _view(self, manifest: Manifest, member: Member, start: int, stop: int) -> memoryview:
        ref = manifest.bundles[member.bundle]
        mapped = self._bundles.cached(ref.key)
        if mapped is not None:
            return mapped
        if self._objects.local_path(ref.key) is not None:
            return await self._mapped(ref.key)
        return await self.disk.view(ref.key, ref.size, start, min(stop, ref.size))

    async def cached_inflated(self, part: BundleSlice) -> Representations | None:
        """Returns the inflated content of the file that `part` belongs to, if the file is small enough for the cache,
        or else None. The content stays in memory as long as a response sends it. Raises DamagedDataError,
        ObjectMissingError, StoreUnavailableError."""
        return await self.inflated.whole(part, lambda: self.bundle(part.source.manifest, part.member))

    async def mapped_body(self, part: BundleSlice) -> MappedBody | None:
        """Returns the stored bytes of `part` in a memory-mapped bundle, with the bytes of the gzip frame around them.
        Returns None if `part` must be inflated, or if the bundle is in a bucket. Raises ObjectMissingError."""
        key = part.source.manifest.bundles[part.member.bundle].key
        if not _is_sent_unchanged(part) or self._objects.local_path(key) is None or self._mappings.are_many:
            return None
        header, trailer = gzip_frame(part.member) if part.encoding == "gzip" else (b"", b"")
        start, stop = _stored_range(part)
        return MappedBody.of((await self._mapped(key))[start:stop], start, header, trailer)

    def copied(self, body: bytes) -> MappedBody | None:
        """Returns a body of some kibibytes, copied into a file in memory. Returns None if too many such files exist."""
        return self._mappings.copied(body)

    async def mapped_variant(self, variants_key: str, member: Member, coding: Coding) -> MappedBody | None:
        """Returns the member's variant in this encoding, if a variants object in a local folder contains it. Returns
        None otherwise. Raises ObjectMissingError, StoreUnavailableError."""
        if self._objects.local_path(variants_key) is None or self._mappings.are_many:
            return None
        index = await self._variants.get(variants_key, lambda: self._index(variants_key))
        start, length = index.get(variant_key(member.hash, coding), (0, 0))
        if not length:
            return None
        return MappedBody.of((await self._mapped(variants_key))[start : start + length], start)

    async def variants(self, variants_key: str | None, member: Member, *, in_parts: bool) -> Variants:
        """Returns the variants of the member (bodies in other encodings, and with `in_parts` restart points), as far as
        they exist and are readable. Without them, the file is sent as stored."""
        if variants_key is None:
            return Variants()
        try:
            index = await self._variants.get(variants_key, lambda: self._index(variants_key))
            # Another file may have the same content, but a compressible type, and therefore variants.
            wanted = CODINGS if is_compressible(member.type) else ()
            places = {coding: index.get(variant_key(member.hash, coding)) for coding in wanted}
            known = {coding: place for coding, place in places.items() if place is not None}
            bodies: dict[Encoding, bytes | memoryview] = {}
            if known:
                # The bodies lie next to each other in the object, so one read fetches all of them.
                start, stop = min(place[0] for place in known.values()), max(sum(place) for place in known.values())
                view = await self._object(variants_key, start, stop)
                bodies = {coding: view[place[0] : sum(place)] for coding, place in known.items()}
            restarts = index.get(f"{member.hash}{RESTARTS}") if in_parts else None
            if restarts is None:
                return Variants(bodies)
            start, stop = restarts[0], sum(restarts)
            return Variants(bodies, Restarts((await self._object(variants_key, start, stop))[start:stop]))
        except (ObjectMissingError, StoreUnavailableError, OSError, ValueError):
            return Variants()

    async def _index(self, variants_key: str) -> dict[str, tuple[int, int]]:
        head = await self._object(variants_key, 0, HEADER)
        return await self._sliced(read_index(await self._object(variants_key, 0, data_begins(head))))

    async def _object(self, key: str, start: int, stop: int) -> memoryview:
        """Returns a view of the object under the key. At least its bytes from `start` to `stop` are readable."""
        mapped = self._bundles.cached(key)
        if mapped is not None:
            return mapped
        if self._objects.local_path(key) is not None:
            return await self._mapped(key)
        size = await self.disk.size(key)
        return await self.disk.view(key, size, start, min(stop, size))

    async def _mapped(self, key: str) -> memoryview:
        async def load() -> memoryview:
            assert path is not None
            try:
                return self._mappings.file(path)
            except FileNotFoundError:
                raise ObjectMissingError(key=key) from None

        path = self._objects.local_path(key)
        return await self._bundles.get(key, load)


def pieces(part: BundleSlice, bundle: memoryview) -> Iterator[bytes]:
    """Yields the bytes of a part of a file, in pieces of bounded size. Raises DamagedDataError.

    Some pieces are empty: inflating from the file's start to the part takes time, and other tasks run between two
    pieces.
    """
    member = part.member
    data = raw(member, bundle)
    if part.encoding != "identity":
        header, trailer = gzip_frame(member) if part.encoding == "gzip" else (b"", b"")
        yield header
        for at in range(0, len(data), CHUNK):
            yield bytes(data[at : at + CHUNK])
        yield trailer
        return
    if member.method == STORED:
        yield from inflate(data[part.start : part.stop], STORED)
        return
    at = 0 if part.restart is None else part.restart.content
    # Small pieces stop inflating soon after the end of the requested range.
    chunk = CHUNK if part.stop - at > _NEAR else _SMALL_CHUNK
    inflating = inflate_from(part.restart, data, chunk) if part.restart else inflate(data, member.method, chunk)
    for piece in inflating:
        yield piece[max(0, part.start - at) : max(0, part.stop - at)]
        at += len(piece)
        if at >= part.stop:
            return
    if at < part.stop:
        raise DamagedDataError("the compressed data is cut off")


def _stored_range(part: BundleSlice) -> tuple[int, int]:
    """Returns the positions in the bundle where the stored bytes of a part begin and end. These are the bytes of the
    whole member, or only the requested range of an uncompressed member."""
    member = part.member
    if part.encoding == "identity" and member.method == STORED:
        return member.offset + part.start, member.offset + part.stop
    if part.restart is not None:
        return member.offset + part.restart.bit // 8, member.offset + part.restart.until
    return member.offset, member.offset + member.length


def _is_sent_unchanged(part: BundleSlice) -> bool:
    """Returns true if the stored bytes of a part are sent as they are. The next read is then known in advance."""
    return part.encoding != "identity" or part.member.method == STORED


def _let_go(loop: asyncio.AbstractEventLoop, files: dict[str, Member]) -> None:
    """Frees the file records of a manifest that nobody uses any longer, in small batches between other tasks."""
    for _ in range(min(_AT_A_TIME, len(files))):
        files.popitem()
    if files and not loop.is_closed():
        loop.call_soon_threadsafe(_let_go, loop, files)


class _Weighed(NamedTuple):
    manifest: Manifest
    weight: int


async def _weight(manifest: Manifest) -> int:
    weight = weights.MANIFEST + sys.getsizeof(manifest.files) + len(manifest.entry)
    if manifest.rules is not None:
        weight += weights.of_rules(manifest.rules)
    paths = iter(manifest.files)
    while some := list(islice(paths, _AT_A_TIME)):
        weight += weights.FILE * len(some) + weights.of_texts(some)
        if len(some) == _AT_A_TIME:
            await asyncio.sleep(0)
    return weight
