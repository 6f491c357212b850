"""Turns: slots for using a scarce resource, such as a connection to the database. A sharer is an organisation, or a
client without an organisation. Sharers get slots one after another, and no sharer can take all slots."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from easel.errors import LimitReachedError


class TooManyAtOnceError(LimitReachedError):
    """Too many simultaneous requests: {used} requests of this organisation are waiting; the limit is {limit}. Try again
    in {retry_after_seconds} s."""

    status = 429
    code = "too_many_at_once"
    limit = "requests_at_once"


def retry_after(least: int, most: int) -> int:
    """Returns a random number of seconds between `least` and `most` after which a refused client may retry. The numbers
    differ, so that clients refused together do not return together."""
    return least + secrets.randbelow(most - least + 1)


class Turns:
    """Limits the work that runs at the same time: `everywhere` is the limit in total, and `each` the limit of a sharer,
    which is an organisation or a client (a number, or a function of the sharer's name).

    Sharers get slots (turns) in rotation. The last `kept` slots are reserved for sharers that have no slot. If
    `waiting` requests of a sharer already wait, its next request is refused. None means unlimited.
    """

    def __init__(self, *, everywhere: int, each: int | Callable[[str], int], kept: int, waiting: int | None) -> None:
        self._everywhere = everywhere
        self._each = each if callable(each) else lambda _: each
        self._shared = everywhere - kept
        self._most_waiting = waiting
        self._all = 0
        self._going: dict[str, int] = {}
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def take(self, sharer: str) -> None:
        """Waits for a slot of the sharer (an organisation or a client). The caller must return the slot with `give`.
        Raises TooManyAtOnceError."""
        queue = self._waiting.get(sharer)
        if queue is None and self._may(sharer):
            self._begin(sharer)
            return
        if queue is None:
            queue = self._waiting[sharer] = deque()
        if self._most_waiting is not None and len(queue) >= self._most_waiting:
            raise TooManyAtOnceError(
                limit=self._most_waiting, used=len(queue), retry_after_seconds=retry_after(1, 4), retryable=True
            )
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(sharer, turn)
            else:
                # The slot was given to this request while it was being cancelled, so it is passed on to another
                # request.
                self.give(sharer)
            raise

    def give(self, sharer: str) -> None:
        """Returns a slot of the sharer (an organisation or a client), and starts the request that waits next."""
        self._all -= 1
        self._going[sharer] -= 1
        if not self._going[sharer]:
            del self._going[sharer]
        self.pass_on()

    def pass_on(self) -> None:
        """Starts all waiting requests that may now start. Call this method after the limit of a sharer (an organisation
        or a client) has grown."""
        while (following := next(filter(self._may, self._waiting), None)) is not None:
            queue = self._waiting.pop(following)
            turn = queue.popleft()
            if queue:
                # The queue is appended at the end, so that the other sharers come first.
                self._waiting[following] = queue
            if not turn.cancelled():
                self._begin(following)
                turn.set_result(None)

    def waits(self, sharer: str) -> bool:
        """Returns true if a request of this sharer (an organisation or a client) waits for a slot."""
        return sharer in self._waiting

    def is_wanted(self, sharer: str) -> bool:
        """Returns true if a waiting request could use one of the slots of this sharer (an organisation or a client).
        This may be a request of the same sharer, or, if no slot is free, of another one."""
        return sharer in self._waiting or (bool(self._waiting) and self._all >= self._shared)

    @asynccontextmanager
    async def turn(self, sharer: str) -> AsyncIterator[None]:
        """Holds a slot of the sharer (an organisation or a client) for the duration of the block. Raises
        TooManyAtOnceError."""
        await self.take(sharer)
        try:
            yield
        finally:
            self.give(sharer)

    def _forget(self, sharer: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(sharer)
        # `give` may have removed the slot already.
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[sharer]

    def _may(self, sharer: str) -> bool:
        going = self._going.get(sharer, 0)
        return going < self._each(sharer) and (
            self._all < self._shared or (going == 0 and self._all < self._everywhere)
        )

    def _begin(self, sharer: str) -> None:
        self._all += 1
        self._going[sharer] = self._going.get(sharer, 0) + 1


class Turn:
    """A slot of one sharer (an organisation or a client). The slot can be returned, and taken again."""

    def __init__(self, turns: Turns, sharer: str) -> None:
        self._turns = turns
        self._sharer = sharer
        self._is_taken = False

    async def take(self) -> None:
        """Waits for a slot, unless this turn already has one. Raises TooManyAtOnceError."""
        if not self._is_taken:
            await self._turns.take(self._sharer)
            self._is_taken = True

    def give(self) -> None:
        """Returns the slot, so that another request can use it, if this turn has one."""
        if self._is_taken:
            self._is_taken = False
            self._turns.give(self._sharer)
