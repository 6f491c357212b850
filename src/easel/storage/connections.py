"""Connections to PostgreSQL that detect an unreachable server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

_NOTICING = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""Connection settings that detect a vanished server. The system's own timeouts are a quarter of an hour or two
hours."""


def noticing(url: str) -> dict[str, Any]:
    """Returns connection parameters with which a vanished server is detected within half a minute. Parameters that the
    URL itself sets are left out."""
    given = conninfo_to_dict(url)
    return {name: value for name, value in _NOTICING.items() if name not in given}


def is_silent(connection: psycopg.BaseConnection[Any]) -> bool:
    """Returns true if nothing has arrived on an idle connection. Data on an idle connection nearly always means that
    the server has ended it (a restart or a failover).

    This check costs a microsecond. A query to the server would cost every transaction a round trip.
    """
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def hang_up(connection: psycopg.BaseConnection[Any]) -> None:
    """Closes a connection whose server does not respond, so that the waiting caller gets an OperationalError at once.
    Cancelling the query would send another request to the server, and take seconds more."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as held:
        held.shutdown(socket.SHUT_RDWR)


class OwnConnection:
    """One database connection outside the pools. It is opened on first use, and reopened after it has ended. A pool
    would add backoff to each failed attempt.

    With `snapshots`, a transaction on the connection is read-only, and sees the database as of its first query.
    """

    def __init__(self, url: str, *, snapshots: bool = False) -> None:
        self._url = url
        self._snapshots = snapshots
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._hanging_up: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def within(self, seconds: float | None) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Yields the connection, in autocommit mode, to one user at a time. Connecting and the block may each take
        `seconds` (None means unlimited). After that time, the connection is closed. Raises TimeoutError, OSError and
        psycopg.Error."""
        connection = await self._connected(seconds)
        if seconds is not None:
            self._hanging_up = asyncio.get_running_loop().call_later(seconds, hang_up, connection)
        try:
            yield connection
        finally:
            self.take_time()

    def take_time(self) -> None:
        """Removes the time limit of the running block, so that it may take any time from now on."""
        if self._hanging_up is not None:
            self._hanging_up.cancel()
        self._hanging_up = None

    async def _connected(self, seconds: float | None) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or not is_silent(self._connection):
            await self.close()
            async with asyncio.timeout(seconds):
                self._connection = await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, row_factory=tuple_row, **noticing(self._url)
                )
                if self._snapshots:
                    # The isolation level is part of the statement that begins a transaction.
                    await self._connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
                    await self._connection.set_read_only(True)
        return self._connection

    async def close(self) -> None:
        """Closes the connection. The next use connects again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def check_silent(connection: psycopg.AsyncConnection[Any]) -> None:
    """Checks an idle connection of psycopg's pool (see `is_silent`). Raises OperationalError if it has ended, after
    which the pool takes another connection."""
    if not is_silent(connection):
        # The driver has not noticed the end yet, so the pool would return this connection to its next user.
        await connection.close()
        raise psycopg.OperationalError("the connection was closed while it was idle")
