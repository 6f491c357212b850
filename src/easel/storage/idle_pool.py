"""Closes the connections of an unused pool, because each connection is a process of PostgreSQL, which takes 2 to 5
MiB."""

from __future__ import annotations

import asyncio

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

UNUSED_FOR = 60.0
"""Seconds after its last use at which a pool closes its connections."""


class IdlePool:
    """Watches a pool of database connections, and closes all of them when none was used for `UNUSED_FOR` seconds."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._used = 0.0
        self._look: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        event.listen(engine.sync_engine, "checkin", self._returned)

    def stop(self) -> None:
        """Stops watching the pool. Open connections stay open."""
        if self._look is not None:
            self._look.cancel()

    def _returned(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        self._used = loop.time()
        if self._look is None:
            self._look = loop.call_later(UNUSED_FOR, self._close_unused)

    def _close_unused(self) -> None:
        loop = asyncio.get_running_loop()
        pool = self._engine.sync_engine.pool
        assert isinstance(pool, QueuePool)
        unused_at = self._used + UNUSED_FOR
        if pool.checkedout() or loop.time() < unused_at:
            self._look = loop.call_at(max(unused_at, loop.time() + 1), self._close_unused)
            return
        self._look = None
        self._closing = asyncio.create_task(self._engine.dispose(), name="closes idle connections")
