"""What the edge reads and keeps: manifests, mapped bundles, variants. All of it can be lost and read again."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from easel.bundles.inflate import CHUNK, inflate, raw
from easel.bundles.models import STORED, Manifest, Member, decode_manifest
from easel.bundles.read import gzip_frame
from easel.edge.cache import Kept
from easel.serving.models import Part
from easel.serving.variants import read_index
from easel.storage.errors import ObjectMissingError, StoreUnavailableError
from easel.storage.objects import ObjectStore

FILE_WEIGHT = 450
"""About how many bytes one file of a decoded manifest takes in memory."""
_VARIANT_WEIGHT = 250
_MAPPED_BUNDLES = 512


class Content:
    """Manifests and bundles by key. Bundles of a folder store are mapped where they lie; those of a bucket are
    fetched whole to the scratch folder first. `budget` is in bytes, for manifests and variants together."""

    def __init__(self, objects: ObjectStore, scratch: Path, *, budget: int) -> None:
        self._objects = objects
        self._scratch = scratch / "edge"
        self._manifests: Kept[Manifest] = Kept(budget // 2, lambda manifest: FILE_WEIGHT * (len(manifest.files) + 1))
        self._variants: Kept[dict[str, tuple[int, int]]] = Kept(
            budget // 2, lambda index: _VARIANT_WEIGHT * (len(index) + 1)
        )
        self._bundles: Kept[memoryview] = Kept(_MAPPED_BUNDLES)

    @property
    def weight(self) -> int:
        """About how many bytes the kept manifests and variants take."""
        return self._manifests.weight + self._variants.weight

    async def manifest(self, key: str) -> Manifest:
        """The manifest under the key. Raises ObjectMissingError, StoreUnavailableError, msgspec errors."""

        async def load() -> Manifest:
            return decode_manifest(await self._objects.get(key))

        return await self._manifests.get(key, load)

    async def bundle(self, manifest: Manifest, member: Member) -> memoryview:
        """The mapped bundle that holds the member. Raises ObjectMissingError, StoreUnavailableError."""
        return await self._mapped(manifest.bundles[member.bundle].key)

    async def brotli(self, variants_key: str | None, member: Member) -> bytes | None:
        """The member's brotli variant, if one was made and can be read. Without it the file is sent as it lies."""
        if variants_key is None:
            return None
        try:
            view = await self._mapped(variants_key)

            async def load() -> dict[str, tuple[int, int]]:
                return read_index(view)

            index = await self._variants.get(variants_key, load)
        except (ObjectMissingError, StoreUnavailableError, OSError, ValueError):
            return None
        place = index.get(member.hash)
        return bytes(view[place[0] : place[0] + place[1]]) if place is not None else None

    async def _mapped(self, key: str) -> memoryview:
        async def load() -> memoryview:
            path = self._objects.local_path(key)
            if path is None:
                path = await self._fetch(key)
            try:
                return _map(path)
            except FileNotFoundError:
                raise ObjectMissingError(key=key) from None

        return await self._bundles.get(key, load)

    async def _fetch(self, key: str) -> Path:
        path = self._scratch.joinpath(*key.split("/"))
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            async with self._objects.pin(key) as pinned:
                pinned.path.replace(path)
        return path


def pieces(part: Part, bundle: memoryview) -> Iterator[bytes]:
    """The bytes of a part, in pieces of bounded size. Raises DamagedDataError.

    Some pieces are empty: inflating up to where a range begins is work as well, and between two pieces others get
    their turn.
    """
    member = part.member
    data = raw(member, bundle)
    if part.encoding == "gzip":
        header, trailer = gzip_frame(member)
        yield header
        for at in range(0, len(data), CHUNK):
            yield bytes(data[at : at + CHUNK])
        yield trailer
        return
    if member.method == STORED:
        yield from inflate(data[part.start : part.stop], STORED)
        return
    at = 0
    for piece in inflate(data, member.method):
        yield piece[max(0, part.start - at) : max(0, part.stop - at)]
        at += len(piece)
        if at >= part.stop:
            return


def _map(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
