"""Lets urgent work in a process run before deferrable work, such as background jobs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

LINGER = 0.1
"""Seconds for which deferrable work goes on waiting after urgent work has ended. Urgent requests mostly come in a row,
each after the end of the previous request."""


class Precedence:
    """Makes deferrable work wait while urgent work runs in this process. It waits for at most `patience` seconds, so
    that it progresses slowly even in a busy process.

    A lower scheduling priority alone would not help, because a thread with little processor time may hold the
    interpreter lock that all other threads need.
    """

    def __init__(self, *, patience: float = 10.0) -> None:
        self._patience = patience
        self._urgent = 0
        self._rest = asyncio.Event()
        self._rest.set()
        self._rest_of_threads = threading.Event()
        self._rest_of_threads.set()
        self._resting: asyncio.TimerHandle | None = None
        self._over = False

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Marks the work in the block as urgent. Use this method only in the event loop."""
        self._urgent += 1
        if self._resting is not None:
            self._resting.cancel()
        if not self._over:
            self._rest.clear()
            self._rest_of_threads.clear()
        try:
            yield
        finally:
            self._urgent -= 1
            if self._urgent == 0:
                self._resting = asyncio.get_running_loop().call_later(LINGER, self._begin_rest)

    def give_up(self) -> None:
        """Ends all waits of deferrable work, because the process is about to end."""
        self._over = True
        self._begin_rest()

    async def turn(self) -> None:
        """Waits until no urgent work runs in this process, or until `patience` seconds have passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._rest.wait()

    def turns(self) -> Callable[[], None]:
        """Returns a function that waits like `turn`, but for at most `patience` seconds over all its calls. Deferrable
        work in a thread calls this function between its parts."""
        left = self._patience

        def turn() -> None:
            nonlocal left
            if left > 0 and not self._rest_of_threads.is_set():
                began = time.monotonic()
                self._rest_of_threads.wait(left)
                left -= time.monotonic() - began

        return turn

    def _begin_rest(self) -> None:
        self._rest.set()
        self._rest_of_threads.set()
