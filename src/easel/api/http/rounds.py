"""Rounds of the event loop. In each round, a few requests of every sharer begin, however many have arrived. A sharer is
an organisation, or a client without a known organisation."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable

_WHILE_GIVING_WAY = 0.001
"""Seconds between two checks whether a waiting request may begin, while requests of other organisations have
precedence."""


class Rounds:
    """Starts up to `each` requests of each sharer (an organisation or a client) in each round of the event loop. A
    sharer's further requests wait in a queue. They wait longer while other sharers have precedence."""

    def __init__(self, gives_way: Callable[[str], bool] = lambda _: False, *, each: int = 1) -> None:
        self._gives_way = gives_way
        self._each = each
        self._begun: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[Callable[[], bool]]] = OrderedDict()

    def begins(self, sharer: str) -> bool:
        """Returns true if a request of the sharer (an organisation or a client) may begin now, and counts it in this
        round. Returns false while earlier requests of the same sharer wait."""
        if sharer in self._waiting or self._begun[sharer] >= self._each:
            return False
        if not (self._begun.total() or self._waiting):
            asyncio.get_running_loop().call_soon(self._next_round)
        self._begun[sharer] += 1
        return True

    def wait(self, sharer: str, begin: Callable[[], bool]) -> None:
        """Calls `begin` when the next request of the sharer (an organisation or a client) may begin. `begin` returns
        true if a request has begun."""
        self._waiting.setdefault(sharer, deque()).append(begin)

    async def begin(self, sharer: str) -> None:
        """Waits until the next request of the sharer (an organisation or a client) may begin."""
        if not self.begins(sharer):
            turn = asyncio.get_running_loop().create_future()

            def resume() -> bool:
                if turn.done():
                    return False
                turn.set_result(None)
                return True

            self.wait(sharer, resume)
            await turn

    def _next_round(self) -> None:
        self._begun.clear()
        for sharer, queue in list(self._waiting.items()):
            while queue and self._begun[sharer] < self._each and not self._gives_way(sharer):
                if queue.popleft()():
                    self._begun[sharer] += 1
            if not queue:
                del self._waiting[sharer]
        if self._begun.total():
            asyncio.get_running_loop().call_soon(self._next_round)
        elif self._waiting:
            asyncio.get_running_loop().call_later(_WHILE_GIVING_WAY, self._next_round)
