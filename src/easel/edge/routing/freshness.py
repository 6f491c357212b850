"""Freshness: compares the machine's freshness page (a file of counters) with the last known state, and refreshes the
state before a response."""

from __future__ import annotations

import asyncio
import logging
import time
from array import array
from collections.abc import Awaitable, Callable

from easel.storage.freshness import FreshnessPage

logger = logging.getLogger(__name__)


class Freshness:
    """Tracks whether a commit on this machine is newer than the edge's state, and refreshes the state.

    `view` is the machine's freshness page, in which every commit changes a counter. `seen` is a copy of the page from
    just before the last successful refresh began.
    """

    def __init__(self, page: FreshnessPage, refresh: Callable[[], Awaitable[None]], *, timeout: float) -> None:
        self.view = page.view
        self.seen = array("Q", page.view.tobytes())
        self.timeouts = 0
        self.healthy = True
        self._refresh = refresh
        self._timeout = timeout
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._quiet_until = 0.0

    def is_stale(self, slot: int) -> bool:
        """Returns true if a commit has changed the counter in this slot since the last refresh."""
        return self.view[slot] != self.seen[slot]

    def catch_up(self) -> asyncio.Task[None]:
        """Returns a refresh that begins after this call, so that it sees all changes up to now. Concurrent callers
        share the refresh."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running), name="refresh")
        return self._next

    async def settle(self, slot: int) -> None:
        """Waits until the state behind this slot is up to date, or until the query times out. After a timeout, the edge
        serves the last known state."""
        if not self.is_stale(slot) or time.monotonic() < self._quiet_until:
            return
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.shield(self.catch_up())
        except Exception as error:
            # While the database is unreachable, not every visitor may wait for it. The next attempt follows after a
            # pause.
            self.timeouts += 1
            self._quiet_until = time.monotonic() + self._timeout
            logger.warning(
                "serving from the routes in memory, because the database does not respond (%s)",
                error or type(error).__name__,
            )

    async def _after(self, running: asyncio.Task[None] | None) -> None:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        snapshot = array("Q", self.view.tobytes())
        try:
            await self._refresh()
        except BaseException:
            self.healthy = False
            raise
        self.healthy = True
        # The array is changed in place, because the fast path keeps a reference to it.
        self.seen[:] = snapshot
