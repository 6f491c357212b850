"""Limits and turns of organisations at an api: requests weighed by their cost.

A turn is a slot for a piece of work. The organisations get slots one after another. If an organisation sends more
requests than its share, only its own requests wait. The rate limit is the last safeguard, far above the use of a busy
team. Each api process has separate state.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from itertools import islice
from typing import Any, TypeVar

from cachetools import LRUCache

from easel.access.errors import RateLimitedError
from easel.access.secrets import hash_key
from easel.storage.database import POOL
from easel.storage.turns import Turn, Turns

PLAIN = 1.0
"""The weight with which an ordinary request counts against the rate limit."""
POLL = 0.1
"""The weight with which a poll of a deploy's status counts against the rate limit."""
HEAVY = 64 * 1024
"""Maximum size in bytes of an ordinary body or response. A larger body or response makes a request costly."""
_BYTES = 128 * 1024
"""Number of bytes of a body or response that weigh as much as a plain request."""
_MOST_KNOWN = 4096
_LATELY, _LONGEST_PAUSE, _JUST = 1.0, 0.5, 0.03
"""In seconds: how long an organisation counts as active after a request, the longest pause between its costly requests,
and how long a request counts as just begun."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def weighs(weight: float) -> Callable[[Endpoint], Endpoint]:
    """Marks an operation that costs as much as this many plain requests, whatever its size."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.weight = weight  # type: ignore[attr-defined]
        return endpoint

    return mark


def weight_of(endpoint: Callable[..., Any]) -> float:
    """Returns the weight with which a request for this operation counts against the rate limit."""
    weight = getattr(endpoint, "weight", PLAIN)
    return float(weight) if isinstance(weight, int | float) else PLAIN


class Limiter:
    """Limits each organisation's requests per minute, with a token bucket that refills continuously."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._now = now
        self._used: dict[str, tuple[float, float]] = {}

    def count(self, organisation: str, weight: float = PLAIN) -> None:
        """Counts a request before it is carried out. Raises RateLimitedError with the seconds until a retry. A request
        that exceeds the bucket's size needs the full bucket."""
        used = self.used(organisation)
        self._refuse_over(used + min(weight, self.per_minute), used)
        self._note(organisation, used + weight)

    def refuse_over(self, organisation: str) -> None:
        """Raises RateLimitedError if not even a plain request would be accepted."""
        used = self.used(organisation)
        self._refuse_over(used + min(PLAIN, self.per_minute), used)

    def _refuse_over(self, then: float, used: float) -> None:
        if self.per_minute and then > self.per_minute:
            wait = math.ceil((then - self.per_minute) * 60 / self.per_minute)
            raise RateLimitedError(
                limit=self.per_minute, used=round(used), retry_after_seconds=max(1, wait), retryable=True
            )

    def charge(self, organisation: str, size: int) -> None:
        """Counts received or sent bytes whose number was unknown when the request was counted."""
        if size > HEAVY:
            self._note(organisation, self.used(organisation) + size / _BYTES)

    def used(self, organisation: str) -> float:
        """Returns the organisation's current usage of the rate limit, or 0 if the organisation has no limit."""
        used, since = self._used.get(organisation, (0.0, 0.0))
        return max(0.0, used - (self._now() - since) * self.per_minute / 60)

    def frees_in(self, organisation: str) -> float | None:
        """Returns the number of seconds until the organisation's usage of the rate limit is 0. Returns None if the
        usage is 0."""
        used = self.used(organisation)
        return used * 60 / self.per_minute if used else None

    def _note(self, organisation: str, used: float) -> None:
        if self.per_minute:
            self._used[organisation] = used, self._now()


class Fairness:
    """The turns (slots for work) of the organisations that send requests to one api."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # An OrderedDict tells which organisation asked last. An LRUCache does not.
        self._asked: OrderedDict[str, float] = OrderedDict()
        # Requests that need no slot (health checks, metrics, uploads and downloads of objects) use the remaining
        # connections.
        self._connections = Turns(everywhere=POOL - 6, each=self._of_connections, kept=3, waiting=1000)
        self._looks = Turns(everywhere=3, each=self._of_looks, kept=1, waiting=None)
        self._costly = Turns(everywhere=4, each=1, kept=2, waiting=100)
        self._hosts = Turns(everywhere=8, each=2, kept=4, waiting=20)
        # Slow bodies block no other request, but their received bytes are in memory.
        self._bodies = Turns(everywhere=64, each=16, kept=16, waiting=1000)
        self._plain: dict[str, tuple[int, float]] = {}
        self._answered = asyncio.Event()
        self._held: dict[str, float] = {}
        self._looks_again: asyncio.TimerHandle | None = None
        self._strangers = Turns(everywhere=1, each=1, kept=0, waiting=1000)
        self._known: LRUCache[str, str] = LRUCache(_MOST_KNOWN)
        self._large: LRUCache[tuple[str, str], bool] = LRUCache(_MOST_KNOWN)

    def whose(self, secret: str) -> str:
        """Returns the organisation of this API key, or "" if the key is not known yet. Does not tell whether the key is
        still valid."""
        return self._known.get(hash_key(secret), "")

    def remember_owner(self, secret: str, organisation: str) -> None:
        """Caches the organisation of this key, which sends a request now."""
        self._known[hash_key(secret)] = organisation
        self.asks(organisation)

    def asks(self, organisation: str) -> None:
        """Records that this organisation sends a request now."""
        self._asked[organisation] = self._now()
        self._asked.move_to_end(organisation)
        if len(self._asked) > _MOST_KNOWN:
            self._asked.popitem(last=False)

    def forget(self, secret: str) -> None:
        """Removes this key from the cache, because it is no longer valid."""
        self._known.pop(hash_key(secret), None)

    def stranger(self, address: str) -> AbstractAsyncContextManager[None]:
        """Returns a slot (turn) for looking up an unknown key. Clients get these slots by their addresses."""
        return self._strangers.turn(address)

    def connection(self, organisation: str) -> Turn:
        """Returns a slot (turn) for a connection to the database."""
        return Turn(self._connections, organisation)

    def look(self, organisation: str) -> Turn:
        """Returns a slot (turn) for reading the news of a log stream. A stream that is open is never refused a slot."""
        return Turn(self._looks, organisation)

    def hosts(self, organisation: str) -> AbstractAsyncContextManager[None]:
        """Returns a slot (turn) for a request to a host that a user has named, because such a host may be slow."""
        return self._hosts.turn(organisation)

    def body(self, organisation: str) -> AbstractAsyncContextManager[None]:
        """Returns a slot (turn) for a large body, for as long as the body is in memory."""
        return self._bodies.turn(organisation)

    def is_body_wanted(self, organisation: str) -> bool:
        """Returns true if a large body of this organisation waits for the slot of another body of this organisation."""
        return self._bodies.is_wanted(organisation)

    @asynccontextmanager
    async def costly(self, organisation: str) -> AsyncIterator[None]:
        """Waits for the organisation's slot (turn) for an operation that takes longer than a plain request.

        If other organisations send requests too, this organisation's next slot begins after a pause twice as long as
        this use of the slot. The requests of the other organisations are handled in the pause.
        """
        await self._costly.take(organisation)
        began = self._now()
        try:
            yield
        finally:
            ended = self._now()
            pause = min(2 * (ended - began), _LONGEST_PAUSE) if self.others_ask(organisation) else 0.0
            asyncio.get_running_loop().call_later(pause, self._costly.give, organisation)

    # An organisation with many connections could resume many requests in one round of the event loop. A request of
    # another organisation takes as many rounds as it has queries, and would wait for all those requests in each round.
    def _of_connections(self, organisation: str) -> int:
        if self._connections.waits(organisation) and self.gives_way(organisation):
            return 0
        return 2 if self.others_ask(organisation) else 6

    def _of_looks(self, organisation: str) -> int:
        if self._looks.waits(organisation) and self.gives_way(organisation):
            return 0
        return 1 if self.others_ask(organisation) else 2

    @contextmanager
    def plain(self, organisation: str) -> Iterator[None]:
        """Marks the block as a plain request. Costly requests of other organisations wait for the end of the block."""
        going, _ = self._plain.get(organisation, (0, 0.0))
        self._plain[organisation] = going + 1, self._now()
        try:
            yield
        finally:
            going, began = self._plain.pop(organisation)
            if going > 1:
                self._plain[organisation] = going - 1, began
            else:
                self._answered.set()
                self._answered.clear()
                self._pass_on()

    def gives_way(self, organisation: str) -> bool:
        """Returns true if this organisation, which has waiting requests, lets another organisation's plain request go
        first. The other organisation must have no waiting requests, and its request must have just begun. The delay is
        30 ms at most."""
        now = self._now()
        if not any(
            other != organisation and now - began < _JUST and not self._connections.waits(other)
            for other, (_, began) in self._plain.items()
        ):
            self._held.pop(organisation, None)
            return False
        if now - self._held.setdefault(organisation, now) >= _JUST:
            self._held[organisation] = now
            return False
        if self._looks_again is None:
            self._looks_again = asyncio.get_running_loop().call_later(_JUST, self._pass_on)
        return True

    def _pass_on(self) -> None:
        if self._looks_again is not None:
            self._looks_again.cancel()
            self._looks_again = None
        self._connections.pass_on()
        self._looks.pass_on()

    async def quiet(self, organisation: str) -> None:
        """Waits briefly for plain requests of other organisations that have just begun. Costly work proceeds in steps
        of milliseconds, and each step would delay plain requests."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_JUST):
                while any(
                    other != organisation and self._now() - began < _JUST for other, (_, began) in self._plain.items()
                ):
                    await self._answered.wait()

    def others_ask(self, organisation: str) -> bool:
        """Returns true if another organisation has sent a request in the last second."""
        now = self._now()
        return any(
            other != organisation and now - asked < _LATELY for other, asked in islice(reversed(self._asked.items()), 2)
        )

    def answered(self, organisation: str, address: str, size: int) -> None:
        """Records the size (bytes) of the response at an address. If the response is large, the next request for the
        address waits for a turn, as costly requests do."""
        if size > HEAVY:
            self._large[organisation, address] = True
        else:
            self._large.pop((organisation, address), None)

    def answers_large(self, organisation: str, address: str) -> bool:
        """Returns true if the last response to the organisation at this address was large."""
        return (organisation, address) in self._large
