"""A cache of inflated files, for the few clients that do not accept compressed responses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from easel.bundles.inflate import DamagedDataError, inflated, raw
from easel.bundles.models import DEFLATED
from easel.edge.cache.lru import SingleFlight
from easel.edge.cache.mapped_body import MappedBody, Mappings
from easel.edge.large_pages import Key, LargePages
from easel.files import Mapping
from easel.serving.models import BundleSlice
from easel.serving.respond import Representations

_LARGEST = 4 * 1024 * 1024
"""Maximum size in bytes of a file that is cached in inflated form."""
Borrow = Callable[[], MappedBody | None]
"""A function that returns a body as long as a cache holds it, and None after the body is evicted."""


class InflatedFiles:
    """A cache of inflated files, with about `limit` bytes in total. The least recently used files are evicted first. A
    file stays in memory until the responses that send it are complete."""

    def __init__(self, limit: int, mappings: Mappings) -> None:
        self._kept = LargePages(limit)
        self._mappings = mappings
        self._making: SingleFlight[Key, Representations | None] = SingleFlight()

    @property
    def weight(self) -> int:
        """Returns the approximate memory of the cache in bytes."""
        return self._kept.weight

    def evict_one(self) -> bool:
        """Evicts the least recently used file. Returns false if the cache is empty."""
        return self._kept.evict_one()

    async def whole(self, part: BundleSlice, read: Callable[[], Awaitable[memoryview]]) -> Representations | None:
        """Returns the inflated content of the file that `part` belongs to. Returns None if the file is too large for
        the cache. If `part` is a range, returns only a file that is already cached. `read` fetches the bundle. The
        content stays in memory as long as a response sends it. Raises DamagedDataError, and the errors of `read`."""
        key = _key(part)
        if key is None:
            return None
        member = part.member
        found = self._kept.get(key)
        if found is not None or part.stop - part.start < member.size:
            return found

        async def make() -> Representations:
            data = raw(member, await read())

            def inflate() -> memoryview:
                content = inflated(data, member.method, member.size)
                if len(content) != member.size:
                    raise DamagedDataError("the length of a file in the object store differs from its recorded length")
                return self._mappings.content(content)

            body = self._mappings.noted(await asyncio.to_thread(inflate))
            return Representations(member.hash, member.size, {"identity": body})

        return await self._making.run(key, lambda: self._kept.make(key, member.size, make))

    def borrow(self, part: BundleSlice) -> Borrow | None:
        """Returns a function that returns the inflated file of `part` as long as the cache holds it. Returns None if
        the file is too large for the cache."""
        key = _key(part)
        if key is None:
            return None

        def borrow() -> MappedBody | None:
            kept = self._kept.get(key)
            body = None if kept is None else kept.bodies["identity"]
            # A body outside a memory-mapped file would stay in memory, uncounted, for as long as a slow client reads.
            return MappedBody.of(body) if isinstance(body, memoryview) and isinstance(body.obj, Mapping) else None

        return borrow


def _key(part: BundleSlice) -> Key | None:
    member = part.member
    if part.encoding != "identity" or member.method != DEFLATED or member.size > _LARGEST:
        return None
    return (part.source.manifest.bundles[member.bundle].key, member.hash, "identity")
