"""Pages too large to be kept: made once for all who are being sent them, and never too many at a time."""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable

from easel.serving.respond import Representations

Key = tuple[object, str]


class LargePages:
    """The pages that are being sent, of together at most about `limit` bytes.

    A page is let go of with the last answer it is sent in, however slowly that is read.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._alive: weakref.WeakValueDictionary[Key, Representations] = weakref.WeakValueDictionary()
        self.weight = 0

    def get(self, key: Key) -> Representations | None:
        """The page, if somebody is being sent it."""
        return self._alive.get(key)

    async def make(
        self, key: Key, size: int, making: Callable[[], Awaitable[Representations]]
    ) -> Representations | None:
        """What `making` makes of a page of `size` bytes, or None while there are too many others.

        Raises what `making` raises.
        """
        # Itself and two compressed forms, none of which is noticeably larger.
        reserved = 3 * size
        if self.weight + reserved > self._limit:
            return None
        self.weight += reserved
        try:
            made = await making()
        finally:
            self.weight -= reserved
        weight = sum(map(len, made.bodies.values()))
        self.weight += weight
        weakref.finalize(made, self._gone, weight)
        self._alive[key] = made
        return made

    def _gone(self, weight: int) -> None:
        self.weight -= weight
