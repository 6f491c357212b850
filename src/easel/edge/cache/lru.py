"""Caches of bounded memory. If several callers wait for a value, it is loaded once. The least recently used values are
evicted."""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Prevents the same work from running twice at the same time: concurrent callers with the same key share one
    result."""

    def __init__(self) -> None:
        self._making: dict[K, asyncio.Task[V]] = {}

    async def run(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        """Returns the result of `make` for this key. If a call for the key is already running, waits for its result
        instead. Raises the errors of `make`. A cancelled caller does not affect other callers."""
        task = self._making.get(key)
        if task is None:
            task = asyncio.ensure_future(_await(make))
            self._making[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        return await asyncio.shield(task)

    def _finished(self, key: K, done: asyncio.Task[V]) -> None:
        del self._making[key]
        if not done.cancelled():
            done.exception()


class ValuesInUse(Generic[K, V]):
    """Values by key as long as any part of the program refers to them, and their total weight. Each value counts
    once."""

    def __init__(self) -> None:
        self._values: weakref.WeakValueDictionary[K, V] = weakref.WeakValueDictionary()
        self._weights: dict[K, int] = {}
        self.weight = 0

    def get(self, key: K) -> V | None:
        """Returns the value under the key. Returns None if nothing refers to it any longer."""
        return self._values.get(key)

    def add(self, key: K, value: V, weight: int, heavy: object = None) -> None:
        """Adds a new value. Its weight counts as long as anything refers to the value. If `heavy`, the part that takes
        most of the memory, is given, the weight counts as long as anything refers to this part."""
        self.weight += weight
        weakref.finalize(value if heavy is None else heavy, self._gone, key, weight).atexit = False
        self._values[key] = value
        self._weights[key] = weight

    def weight_of(self, key: K) -> int:
        """Returns the weight of the value under the key. Returns 0 if nothing refers to the value any longer."""
        return self._weights.get(key, 0)

    def _gone(self, key: K, weight: int) -> None:
        self.weight -= weight
        if key not in self._values:
            self._weights.pop(key, None)


class LruCache(Generic[V]):
    """A cache whose values weigh at most `limit` together. The least recently used values are evicted first, but the
    newest value always stays."""

    def __init__(self, limit: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._limit = limit
        self._weigh = weigh
        self._values: OrderedDict[str, V] = OrderedDict()
        self._flight: SingleFlight[str, V] = SingleFlight()
        self.weight = 0

    def cached(self, key: str) -> V | None:
        """Returns the value under the key. Returns None if it is not cached."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    async def get(self, key: str, load: Callable[[], Awaitable[V]]) -> V:
        """Returns the value under the key. If it is missing, `load` loads it. Raises the errors of `load`, which are
        not cached."""
        value = self.cached(key)
        if value is not None:
            return value

        async def make() -> V:
            loaded = await load()
            self._keep(key, loaded)
            return loaded

        return await self._flight.run(key, make)

    def __len__(self) -> int:
        return len(self._values)

    def forget(self, key: str) -> None:
        """Evicts the value under the key. The next request for it loads it again."""
        if key in self._values:
            self.weight -= self._weigh(self._values.pop(key))

    def _keep(self, key: str, value: V) -> None:
        self._values[key] = value
        self.weight += self._weigh(value)
        while self.weight > self._limit and len(self._values) > 1:
            _, dropped = self._values.popitem(last=False)
            self.weight -= self._weigh(dropped)


async def _await(make: Callable[[], Awaitable[V]]) -> V:
    return await make()
