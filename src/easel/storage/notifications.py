"""Listens to PostgreSQL's notifications (NOTIFY) on one connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import psycopg

from easel.storage.connections import noticing

logger = logging.getLogger(__name__)


UNNEEDED_AT_MOST = 60.0
"""Seconds after which a listener disconnects if `needed` returns false all the time."""


class Listener:
    """Calls a function for each notification, with its payload. There is one function for each channel. Calls
    `on_connect` after every (re)connection, because earlier notifications may be lost. If `needed` is given, the
    listener listens only while `needed` returns true. Call `start` when the result of `needed` may have changed."""

    def __init__(
        self,
        url: str,
        channels: Mapping[str, Callable[[str], None]],
        on_connect: Callable[[], Awaitable[None]] | None = None,
        *,
        needed: Callable[[], bool] | None = None,
    ) -> None:
        self._url = url
        self._channels = channels
        self._on_connect = on_connect
        self._needed = needed
        self._look = None if needed is None else UNNEEDED_AT_MOST
        self._task: asyncio.Task[None] | None = None
        self.connected = False

    def start(self) -> None:
        """Starts to listen in the background, unless the listener already does so."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="notifications")

    async def stop(self) -> None:
        """Stops listening for notifications."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        delay = 0.1
        while self._is_needed():
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
                    while self._is_needed():
                        async for notification in connection.notifies(timeout=self._look):
                            self._channels[notification.channel](notification.payload)
                continue
            except (psycopg.Error, OSError) as error:
                logger.warning("lost the connection for notifications (%s); retrying in %.1f s", error, delay)
            finally:
                self.connected = False
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)

    def _is_needed(self) -> bool:
        return self._needed is None or self._needed()
