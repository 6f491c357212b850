"""What the edge reads and keeps: manifests, mapped bundles, variants. All of it can be lost and read again."""

from __future__ import annotations

import asyncio
import mmap
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Generic, TypeVar

from easel.bundles.models import Manifest, Member, decode_manifest
from easel.serving.variants import read_index
from easel.storage.errors import ObjectMissingError
from easel.storage.objects import ObjectStore

T = TypeVar("T")


class Kept(Generic[T]):
    """A bounded cache whose values are loaded once, however many wait for them. `weigh` gives a value's weight."""

    def __init__(self, limit: int, weigh: Callable[[T], int] = lambda _: 1) -> None:
        self._limit = limit
        self._weigh = weigh
        self._values: OrderedDict[str, T] = OrderedDict()
        self._loading: dict[str, asyncio.Task[T]] = {}
        self.weight = 0

    def peek(self, key: str) -> T | None:
        """The value if it is there."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    async def get(self, key: str, load: Callable[[], Awaitable[T]]) -> T:
        """The value, loaded when it is not there. Raises what loading raises; failures are not kept."""
        value = self.peek(key)
        if value is not None:
            return value
        task = self._loading.get(key)
        if task is None:
            task = asyncio.ensure_future(self._load(key, load))
            self._loading[key] = task
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(task)

    async def _load(self, key: str, load: Callable[[], Awaitable[T]]) -> T:
        value = await load()
        self._values[key] = value
        self.weight += self._weigh(value)
        while self.weight > self._limit and len(self._values) > 1:
            _, dropped = self._values.popitem(last=False)
            self.weight -= self._weigh(dropped)
        return value


class Content:
    """Manifests and bundles by key. Bundles of a folder store are mapped where they lie; those of a bucket are
    fetched whole to the scratch folder first."""

    def __init__(self, objects: ObjectStore, scratch: Path) -> None:
        self._objects = objects
        self._scratch = scratch / "edge"
        self._manifests: Kept[Manifest] = Kept(400_000, lambda manifest: len(manifest.files) + 1)
        self._bundles: Kept[memoryview] = Kept(512)
        self._variants: Kept[dict[str, tuple[int, int]]] = Kept(400_000, lambda index: len(index) + 1)

    async def manifest(self, key: str) -> Manifest:
        """The manifest under the key. Raises ObjectMissingError, StoreUnavailableError, msgspec errors."""

        async def load() -> Manifest:
            return decode_manifest(await self._objects.get(key))

        return await self._manifests.get(key, load)

    async def bundle(self, manifest: Manifest, member: Member) -> memoryview:
        """The mapped bundle that holds the member. Raises ObjectMissingError, StoreUnavailableError."""
        return await self._mapped(manifest.bundles[member.bundle].key)

    async def brotli(self, variants_key: str | None, member: Member) -> bytes | None:
        """The member's brotli variant, if one was made."""
        if variants_key is None:
            return None
        try:
            view = await self._mapped(variants_key)

            async def load() -> dict[str, tuple[int, int]]:
                return read_index(view)

            index = await self._variants.get(variants_key, load)
        except (ObjectMissingError, ValueError):
            # A variant is a convenience: without it the file is sent as it lies.
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


def _map(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
