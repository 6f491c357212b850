"""Pages that are too large for the cache of their site. Concurrent requests for a page share one copy, and the memory
of all pages is limited."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from easel.edge import weights
from easel.edge.cache.lru import ValuesInUse
from easel.files import Mapping
from easel.serving.models import Encoding
from easel.serving.respond import Representations

Key = tuple[Hashable, str, Encoding]
"""A site, a path and an encoding."""

_MADE_AT_ONCE = 2


class LargePages:
    """The pages that are being sent, and recently sent pages in the remaining space. Together they take at most about
    `limit` bytes. Recently sent pages stay, so that repeated requests for the first byte of a page build the page only
    once.

    A page that is being sent stays until its last response is complete, even if clients read slowly.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._alive: ValuesInUse[Key, Representations] = ValuesInUse()
        self._idle: OrderedDict[Key, Representations] = OrderedDict()
        self._reserved = 0
        self._slots = asyncio.Semaphore(_MADE_AT_ONCE)

    @property
    def weight(self) -> int:
        """Returns the approximate memory (bytes) of the pages, including pages that are still being built."""
        return self._alive.weight + self._reserved

    def get(self, key: Key) -> Representations | None:
        """Returns the page, if it is cached."""
        if key in self._idle:
            self._idle.move_to_end(key)
        return self._alive.get(key)

    async def make(
        self, key: Key, size: int, making: Callable[[], Awaitable[Representations]]
    ) -> Representations | None:
        """Builds the page of `size` bytes with `making`, and returns it. Returns None while too many other large pages
        are being sent. Raises the errors of `making`."""
        # The page and its encoded form, which is hardly larger than the page, are in memory.
        reserved = 2 * size
        while self.weight + reserved > self._limit:
            if not self.evict_one():
                return None
        self._reserved += reserved
        try:
            async with self._slots:
                made = await making()
        finally:
            self._reserved -= reserved
        mapped = (body.obj for body in made.bodies.values() if isinstance(body, memoryview))
        heavy = next((one for one in mapped if isinstance(one, Mapping)), None)
        self._alive.add(key, made, weights.PAGE + sum(map(len, made.bodies.values())), heavy)
        self._idle[key] = made
        return made

    def evict_one(self) -> bool:
        """Evicts the least recently used page. Running responses keep their page. Returns false if there is no page."""
        if not self._idle:
            return False
        self._idle.popitem(last=False)
        return True

    def forget(self, site: Hashable) -> None:
        """Evicts a site's pages."""
        for key in [key for key in self._idle if key[0] is site]:
            del self._idle[key]
