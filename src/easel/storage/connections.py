"""Connections to PostgreSQL that notice when the other side is gone."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

_NOTICING = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A machine that vanishes says nothing. The system would wait for it for a quarter of an hour, or for two hours."""


def noticing(url: str) -> dict[str, Any]:
    """Connection parameters by which it is noticed within half a minute that the server's machine is gone; without
    those that the URL itself sets."""
    given = conninfo_to_dict(url)
    return {name: value for name, value in _NOTICING.items() if name not in given}


def is_silent(connection: psycopg.BaseConnection[Any]) -> bool:
    """Whether nothing has come on a connection on which nothing was asked.

    What comes there is nearly always its end: the server was restarted, or failed over. Looking costs a microsecond,
    where a question to the server would cost every transaction a trip.
    """
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def hang_up(connection: psycopg.BaseConnection[Any]) -> None:
    """Ends a connection on which nothing comes: whoever waits for an answer gets an OperationalError at once.

    To cancel the wait instead would ask the other side, which does not answer, for more seconds.
    """
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as held:
        held.shutdown(socket.SHUT_RDWR)


async def check_silent(connection: psycopg.AsyncConnection[Any]) -> None:
    """The same for a pool of psycopg's, which takes another connection when this raises OperationalError."""
    if not is_silent(connection):
        # The pool would keep it, and give it out again: the driver has not heard of its end yet.
        await connection.close()
        raise psycopg.OperationalError("the connection has ended while nobody used it")
