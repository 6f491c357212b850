"""The transient errors of the database, after which a retry makes sense."""

from __future__ import annotations

from psycopg import InterfaceError, OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

TRANSIENT = (OperationalError, InterfaceError, PoolTimeoutError, IdleInTransactionSessionTimeout)
"""Errors of driver and pool while the database is unreachable, restarts, or has ended an idle transaction."""


def is_transient(error: BaseException) -> bool:
    """Returns true if the error is one of `TRANSIENT`, or SQLAlchemy's form of such an error."""
    if isinstance(error, DBAPIError):
        return bool(error.connection_invalidated) or isinstance(error.orig, TRANSIENT)
    return isinstance(error, TRANSIENT)
