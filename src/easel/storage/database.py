"""The connection to PostgreSQL, and the unit of work around every change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy import Dialect, MetaData, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import UserDefinedType

from easel.storage.connections import is_silent, noticing
from easel.storage.errors import DatabaseReadOnlyError
from easel.storage.freshness import FreshnessPage

IDLE_AT_MOST = 10_000
"""Milliseconds that a transaction may wait for its process. One that was frozen must not hold rows that others need."""


class Base(DeclarativeBase):
    """The declarative base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id, which orders changes by when they became visible."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The column's type in DDL."""
        return "xid8"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], int | None]:
        """Turns the driver's text into an int."""
        return lambda value: None if value is None else int(value)


class Transaction:
    """One unit of work: a session, and what must happen right after its commit.

    Everything in it is committed together or not at all. `after_commit` actions run once the commit is durable and
    before the caller goes on, so that an answer is never sent before the edges of this machine know.
    """

    def __init__(self, session: AsyncSession, page: FreshnessPage | None) -> None:
        self.session = session
        self._page = page
        self._slots: set[int] = set()
        self._driver: psycopg.AsyncConnection[Any] | None = None

    def mark(self, slot: int) -> None:
        """Asks for the slot of the freshness page to be bumped once this transaction is committed."""
        self._slots.add(slot)

    async def sql(self, query: LiteralString, arguments: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a plain statement (`%(name)s` for arguments), run in this transaction by the driver itself.

        For the few statements of every request and every step: it takes a quarter of the time of the same through
        SQLAlchemy. What the session has not flushed yet is not seen.
        """
        if self._driver is None:
            self._driver = await self.connection()
        cursor = await self._driver.execute(query, arguments)
        # The cursor's own description of its columns would be made for this question alone.
        return await cursor.fetchall() if cursor.pgresult is not None and cursor.pgresult.nfields else []

    async def connection(self) -> psycopg.AsyncConnection[Any]:
        """The driver's own connection, for libraries that take part in this transaction (the queue)."""
        raw = await (await self.session.connection()).get_raw_connection()
        connection = raw.driver_connection
        assert isinstance(connection, psycopg.AsyncConnection)
        return connection

    async def release(self) -> None:
        """Ends the transaction here and gives its connection back, before something slow that is no matter of the
        database. What was read stays as it was read; what is asked next begins another transaction."""
        await self.commit()

    async def commit(self) -> None:
        """Commits, then tells the edges of this machine."""
        await self.session.commit()
        self._driver = None
        if self._page is not None:
            for slot in self._slots:
                self._page.bump(slot)
        self._slots.clear()


class Database:
    """A pool of connections to one PostgreSQL database."""

    def __init__(self, url: str, *, page: FreshnessPage | None = None, pool_size: int = 8) -> None:
        self.url = url
        self.engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=False,
            pool_timeout=20,
            # What a statement was given may be a secret, and a failed statement ends up in the log.
            hide_parameters=True,
            connect_args={
                "options": f"-c idle_in_transaction_session_timeout={IDLE_AT_MOST}",
                **noticing(url),
            },
        )
        event.listen(self.engine.sync_engine, "checkout", _require_silence)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        self._page = page

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A unit of work that commits at the end of the block, and rolls back when it raises.

        Raises DatabaseReadOnlyError, and what the driver and SQLAlchemy raise when the database does not answer.
        """
        async with self._sessions() as session:
            work = Transaction(session, self._page)
            try:
                yield work
                await work.commit()
            except BaseException as error:
                await session.rollback()
                cause = error.orig if isinstance(error, DBAPIError) else error
                if isinstance(cause, ReadOnlySqlTransaction):
                    raise DatabaseReadOnlyError(retry_after_seconds=1, retryable=True) from error
                raise

    async def close(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()


def _require_silence(connection: DBAPIConnection, *_: object) -> None:
    """Has the pool open new connections in place of those that ended while nobody used them."""
    driver = connection.driver_connection
    assert isinstance(driver, psycopg.BaseConnection)
    if not is_silent(driver):
        raise InvalidatePoolError


def sqlalchemy_url(url: str) -> str:
    """The URL for SQLAlchemy on psycopg 3, from an ordinary `postgresql://` one."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url
