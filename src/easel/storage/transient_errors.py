"""The transient errors of the database, after which a retry makes sense."""

from __future__ import annotations

from psycopg import InterfaceError, OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

PASSING = (OperationalError, InterfaceError, PoolTimeoutError, IdleInTransactionSessionTimeout)
"""Errors of driver and pool while the database is unreachable, restarts, or has ended an idle transaction."""


def passes(error: BaseException) -> bool:
    """Whether the error is one of `PASSING`, or SQLAlchemy's form of one."""
    if isinstance(error, DBAPIError):
        return bool(error.connection_invalidated) or isinstance(error.orig, PASSING)
    return isinstance(error, PASSING)
