"""The transient errors of the database: errors after which a retry makes sense."""

from __future__ import annotations

from psycopg import InterfaceError, OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

TRANSIENT = (OperationalError, InterfaceError, PoolTimeoutError, IdleInTransactionSessionTimeout)
"""Errors that the driver and the pool raise while the database is unreachable or restarts, or after it has ended an
idle transaction."""


def is_transient(error: BaseException) -> bool:
    """Returns true if a retry makes sense after this error: it is one of `TRANSIENT`, or SQLAlchemy has wrapped one of
    `TRANSIENT`."""
    if isinstance(error, DBAPIError):
        return bool(error.connection_invalidated) or isinstance(error.orig, TRANSIENT)
    return isinstance(error, TRANSIENT)
