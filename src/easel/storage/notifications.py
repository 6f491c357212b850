"""Listens to PostgreSQL's NOTIFY on one connection, for the life of the process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import psycopg

from easel.storage.connections import noticing

logger = logging.getLogger(__name__)


class Listener:
    """Calls one function per channel with each payload. Calls `on_connect` after every (re)connection, because earlier
    notifications are lost."""

    def __init__(
        self,
        url: str,
        channels: Mapping[str, Callable[[str], None]],
        on_connect: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._url = url
        self._channels = channels
        self._on_connect = on_connect
        self._task: asyncio.Task[None] | None = None
        self.connected = False

    def start(self) -> None:
        """Starts listening in the background."""
        self._task = asyncio.create_task(self._run(), name="notifications")

    async def stop(self) -> None:
        """Stops listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        delay = 0.1
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, **noticing(self._url)
                ) as connection:
                    for channel in self._channels:
                        await connection.execute(psycopg.sql.SQL("listen {}").format(psycopg.sql.Identifier(channel)))
                    self.connected = True
                    delay = 0.1
                    if self._on_connect is not None:
                        await self._on_connect()
                    async for notification in connection.notifies():
                        self._channels[notification.channel](notification.payload)
            except (psycopg.Error, OSError) as error:
                logger.warning("lost the connection for notifications (%s); retrying in %.1f s", error, delay)
            finally:
                self.connected = False
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)
