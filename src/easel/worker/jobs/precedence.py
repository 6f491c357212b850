"""What is urgent in a process goes before what can wait."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

LINGER = 0.1
"""Seconds. What is urgent mostly comes in a row, and the next of it is asked for when the one before has ended."""


class Precedence:
    """Who can wait does so while something urgent runs in this process, but for `patience` seconds at the most: a
    process that is never at rest still gets it done, slowly.

    Niceness alone would not do: a thread with little of the processor may hold the interpreter that all others need.
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
        """Something urgent, for the length of the block; to be used in the event loop."""
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
        """Has nobody wait any longer: the process is about to end."""
        self._over = True
        self._begin_rest()

    async def turn(self) -> None:
        """Waits until nothing urgent runs here, or for `patience` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._rest.wait()

    def turns(self) -> Callable[[], None]:
        """For work in a thread, to be called between its parts: waits as `turn` does, `patience` seconds in all."""
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
