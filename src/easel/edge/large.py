"""Pages too large to be kept with their site: made once for all who ask at a time, and never too many at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from easel.edge import weights
from easel.edge.cache.lru import Alive
from easel.serving.models import Encoding
from easel.serving.respond import Representations

Key = tuple[Hashable, str, Encoding]
"""The site, the path, and in which encoding."""

_MADE_AT_ONCE = 2


class LargePages:
    """The pages that are being sent, of together at most about `limit` bytes, and those that were sent last, as far as
    these leave room: who asks for a page's first byte again and again has it made once.

    A page that is being sent stays until the last answer it is sent in is out, however slowly that is read.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._alive: Alive[Key, Representations] = Alive()
        self._idle: OrderedDict[Key, Representations] = OrderedDict()
        self._reserved = 0
        self._slots = asyncio.Semaphore(_MADE_AT_ONCE)

    @property
    def weight(self) -> int:
        """About how many bytes they take, and will take as soon as they are made."""
        return self._alive.weight + self._reserved

    def get(self, key: Key) -> Representations | None:
        """The page, if it is here."""
        if key in self._idle:
            self._idle.move_to_end(key)
        return self._alive.get(key)

    async def make(
        self, key: Key, size: int, making: Callable[[], Awaitable[Representations]]
    ) -> Representations | None:
        """What `making` makes of a page of `size` bytes, or None while too many others are being sent.

        Raises what `making` raises.
        """
        # The page as it is and its encoded form, which is not noticeably larger.
        reserved = 2 * size
        while self.weight + reserved > self._limit:
            if not self.let_go():
                return None
        self._reserved += reserved
        try:
            async with self._slots:
                made = await making()
        finally:
            self._reserved -= reserved
        self._alive.add(key, made, weights.PAGE + sum(map(len, made.bodies.values())))
        self._idle[key] = made
        return made

    def let_go(self) -> bool:
        """Evicts the least recently used page; running responses keep it. False if there is none."""
        if not self._idle:
            return False
        self._idle.popitem(last=False)
        return True

    def forget(self, site: Hashable) -> None:
        """Evicts a site's pages."""
        for key in [key for key in self._idle if key[0] is site]:
            del self._idle[key]
