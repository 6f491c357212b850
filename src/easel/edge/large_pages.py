"""Pages that are too large for their site's cache. Concurrent requests for a page share one copy, and the memory of all
large pages is limited."""

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
"""The key of a large page: its site, its path and the encoding of its body."""

_MADE_AT_ONCE = 2


class LargePages:
    """The large pages that are being sent, and recently sent pages as long as space remains. Together they take at most
    about `limit` bytes.

    Recently sent pages stay, so that repeated requests for the first byte of a page build the page only once. A page
    that is being sent stays until its last response is complete, even if a client reads slowly.
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
        """Returns the page under the key. Returns None if it is not cached."""
        if key in self._idle:
            self._idle.move_to_end(key)
        return self._alive.get(key)

    async def make(
        self, key: Key, size: int, making: Callable[[], Awaitable[Representations]]
    ) -> Representations | None:
        """Builds a page of `size` bytes with `making`, caches it under the key, and returns it. Returns None while too
        many other large pages are being sent. Raises the errors of `making`."""
        # While a page is built, the page and its encoded form are in memory. The encoded form is hardly larger than the
        # page.
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
        """Evicts the least recently used page. Responses that are sending the page keep it in memory. Returns false if
        there is no page to evict."""
        if not self._idle:
            return False
        self._idle.popitem(last=False)
        return True

    def forget(self, site: Hashable) -> None:
        """Evicts all large pages of a site."""
        for key in [key for key in self._idle if key[0] is site]:
            del self._idle[key]
