"""The connection to PostgreSQL, and the units of work (transactions) in which every change is made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg.errors import ReadOnlySqlTransaction
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Dialect, MetaData, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, configure_mappers
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.types import UserDefinedType
from sqlalchemy.util import greenlet_spawn

from easel.storage.connections import OwnConnection, is_silent, noticing
from easel.storage.errors import DatabaseReadOnlyError
from easel.storage.freshness import FreshnessPage
from easel.storage.idle_pool import IdlePool
from easel.storage.statements import statements
from easel.storage.turns import Turn

_SQL = statements(__name__)

IDLE_AT_MOST = 10_000
"""Maximum time in milliseconds for which a transaction may be idle. A frozen process must not lock rows that other
processes need."""
POOL = 16
"""Default maximum number of a process's connections to the database."""

Statement = Callable[[LiteralString, Mapping[str, Any]], Awaitable[list[tuple[Any, ...]]]]
"""A function that runs a plain SQL statement with its arguments (`%(name)s`), and returns the rows."""


class Base(DeclarativeBase):
    """The declarative base class of every table."""

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
    """PostgreSQL's 64-bit transaction id, which orders changes by the time at which they became visible."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Returns the name of the column's type for SQLAlchemy's DDL."""
        return "xid8"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], int | None]:
        """Returns a function that turns a transaction id, which the driver returns as text, into an int."""
        return lambda value: None if value is None else int(value)


class Transaction:
    """One database transaction, with a session on its connection if a session is requested. It also notes the changed
    slots: counters in a file (the freshness page) by which edges notice changed routes.

    All changes in the transaction are committed together or not at all. The slots are incremented when the commit is
    durable, before the caller continues. So no response is sent before the edges of this machine know the change.
    """

    def __init__(self, engine: AsyncEngine, page: FreshnessPage | None, turn: Turn | None = None) -> None:
        self._turn = turn
        self._engine = engine
        self._page = page
        self._slots: set[int] = set()
        self._session: AsyncSession | None = None
        self._held: PoolProxiedConnection | None = None
        self._driver: psycopg.AsyncConnection[Any] | None = None

    @property
    def session(self) -> AsyncSession:
        """Returns SQLAlchemy's session on the connection. A unit of work with only plain statements needs no session,
        which would cost more than the statements."""
        if self._session is None:
            self._session = AsyncSession(self._engine, expire_on_commit=False, autoflush=False)
            if self._held is not None:
                self._session.sync_session.bind = Connection(self._engine.sync_engine, self._held)
        return self._session

    def mark(self, slot: int) -> None:
        """Remembers a slot (a counter of the freshness page, which edges compare). It is incremented when this
        transaction is committed."""
        self._slots.add(slot)

    async def sql(self, query: LiteralString, arguments: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Runs a plain statement (`%(name)s` for arguments) by the driver in this transaction, and returns the rows.

        Use this method only for the statements that every request or every step runs, because it takes a quarter of
        SQLAlchemy's time. It does not see changes that the session has not flushed yet.
        """
        return await _rows(self._driver or await self._connected(), query, arguments)

    async def is_read_only(self) -> bool:
        """Returns true if the database accepts no writes, for example during a failover."""
        return await self.sql(_SQL["read_only"], {}) == [("on",)]

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._session is None:
            self._held = await _borrow(self._engine)
            self._driver = _driver_of(self._held)
        else:
            self._driver = _driver_of(await (await self._session.connection()).get_raw_connection())
        return self._driver

    async def release(self) -> None:
        """Commits and returns the connection to the pool, before slow work without the database. Rows that were read
        stay usable. The next statement begins another transaction. Call `resume` first, which waits for this request's
        turn."""
        await self.commit()
        if self._turn is not None:
            self._turn.give()

    async def resume(self) -> None:
        """Waits, after `release`, until it is this request's turn to use a connection again. Raises
        TooManyAtOnceError."""
        if self._turn is not None:
            await self._turn.take()

    async def commit(self) -> None:
        """Commits the changes, and then tells the edges of this machine about them."""
        if self._session is not None:
            await self._session.commit()
        if self._held is not None and self._driver is not None:
            await self._driver.commit()
            await self._give_back()
        self._driver = None
        if self._page is not None:
            for slot in self._slots:
                self._page.bump(slot)
        self._slots.clear()

    async def close(self) -> None:
        """Ends the unit of work: returns its connection to the pool. Uncommitted changes are rolled back."""
        if self._session is not None:
            # Cancelling the caller does not interrupt this call, because the connection must not be left without an
            # owner.
            await asyncio.shield(self._close(self._session))
        elif self._held is not None:
            await self._give_back()

    async def _close(self, session: AsyncSession) -> None:
        try:
            await session.close()
        finally:
            if self._held is not None:
                await self._give_back()

    async def _give_back(self) -> None:
        held, self._held = self._held, None
        assert held is not None
        if self._session is not None:
            self._session.sync_session.bind = self._engine.sync_engine
        # After a lost connection or a cancelled wait, the session has returned the connection itself.
        if held.is_valid:
            await _give_back(held)


class Database:
    """A pool of connections to one PostgreSQL database."""

    def __init__(self, url: str, *, page: FreshnessPage | None = None, pool_size: int = POOL // 2) -> None:
        self.url = url
        made = _ahead.pop(pool_size, None)
        self.engine, address = made if made is not None else _engine(pool_size)
        address.url = url
        self._page = page
        self._idle_pool = IdlePool(self.engine)

    @asynccontextmanager
    async def transaction(self, turn: Turn | None = None) -> AsyncIterator[Transaction]:
        """Yields a unit of work that commits at the end of the block, and rolls back if the block raises an error. With
        a `turn` (a right to use a connection), first waits until this turn comes. Raises DatabaseReadOnlyError,
        TooManyAtOnceError, and the errors of driver and SQLAlchemy if the database is unreachable."""
        if turn is not None:
            await turn.take()
        work = Transaction(self.engine, self._page, turn)
        try:
            yield work
            await work.commit()
        except BaseException as error:
            _refuse_read_only(error)
            raise
        finally:
            try:
                await work.close()
            finally:
                if turn is not None:
                    turn.give()

    async def statement(self, query: LiteralString, arguments: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Runs one plain statement as a complete transaction, and returns its rows. This takes a third of the round
        trips of `Database.transaction`. Raises DatabaseReadOnlyError, and the driver's errors if the database is
        unreachable."""
        held = await _borrow(self.engine)
        driver = _driver_of(held)
        try:
            await driver.set_autocommit(True)
            return await _rows(driver, query, arguments)
        except BaseException as error:
            _refuse_read_only(error)
            raise
        finally:
            await _give_back(held)

    @asynccontextmanager
    async def apart(self, seconds: float | None = None) -> AsyncIterator[Statement]:
        """Opens a connection outside the pool for the duration of the block, and yields a function that runs plain
        statements. Each statement is a complete transaction. Connecting and the block may each take `seconds` (None
        means unlimited).

        Use this method for rare work of an idle process. The process then has no connection in its pool, and no memory
        of its own for SQLAlchemy. Raises DatabaseReadOnlyError, TimeoutError, and the driver's errors if the database
        is unreachable.
        """
        own = OwnConnection(self.url)
        try:
            async with own.within(seconds) as driver:
                yield partial(_rows, driver)
        except BaseException as error:
            _refuse_read_only(error)
            raise
        finally:
            await own.close()

    async def close(self) -> None:
        """Closes every connection of the pool."""
        self._idle_pool.stop()
        await self.engine.dispose()


class _Address:
    """The URL of the database that an engine connects to. It may be set after the engine is created."""

    url = ""

    async def connect(self) -> psycopg.AsyncConnection[Any]:
        """Opens a new connection to the database."""
        options = f"-c idle_in_transaction_session_timeout={IDLE_AT_MOST}"
        return await psycopg.AsyncConnection.connect(self.url, options=options, **noticing(self.url))


def _engine(pool_size: int) -> tuple[AsyncEngine, _Address]:
    address = _Address()
    engine = create_async_engine(
        "postgresql+psycopg://",
        async_creator=address.connect,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=False,
        # The pool returns the connection that was used last, because its statements are prepared, and its server
        # process is in the processor's cache.
        pool_use_lifo=True,
        pool_timeout=20,
        # A statement may contain a configuration of two mebibytes.
        json_serializer=msgspec.json.encode,
        json_deserializer=msgspec.json.decode,
        # The arguments of a statement may be secrets, and a failed statement is logged.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _require_silence)
    return engine, address


_ahead: dict[int, tuple[AsyncEngine, _Address]] = {}


def make_ahead(pool_sizes: Iterable[int]) -> None:
    """Creates engines in advance, with pools of the given sizes and of the default size, and maps the classes of the
    tables. Processes that are forked later share the engines and the mappings."""
    configure_mappers()
    _ahead.update((size, _engine(size)) for size in {POOL // 2, *pool_sizes})


async def _borrow(engine: AsyncEngine) -> PoolProxiedConnection:
    return await greenlet_spawn(engine.sync_engine.pool.connect)


def _driver_of(held: PoolProxiedConnection) -> psycopg.AsyncConnection[Any]:
    driver = held.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver


async def _give_back(held: PoolProxiedConnection) -> None:
    """Returns the connection to its pool, which rolls back uncommitted changes."""
    driver = _driver_of(held)
    status = driver.info.transaction_status
    if status == TransactionStatus.IDLE:
        if driver.autocommit:
            await driver.set_autocommit(False)
        await greenlet_spawn(held.close)
    elif status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        await asyncio.shield(greenlet_spawn(held.close))
    else:
        # The connection is broken, or still waits for a response that nobody needs.
        await asyncio.shield(greenlet_spawn(held.invalidate))


async def _rows(
    driver: psycopg.AsyncConnection[Any], query: LiteralString, arguments: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    cursor = await driver.execute(query, arguments)
    # `cursor.description` would build column objects only for this check.
    return await cursor.fetchall() if cursor.pgresult is not None and cursor.pgresult.nfields else []


def _refuse_read_only(error: BaseException) -> None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, ReadOnlySqlTransaction):
        raise DatabaseReadOnlyError(retry_after_seconds=1, retryable=True) from error


def _require_silence(connection: DBAPIConnection, *_: object) -> None:
    """Checks a connection when the pool gives it out. If the connection has ended while it was idle, the pool replaces
    it."""
    driver = connection.driver_connection
    assert isinstance(driver, psycopg.BaseConnection)
    if not is_silent(driver):
        raise InvalidatePoolError


def sqlalchemy_url(url: str) -> str:
    """Returns an ordinary `postgresql://` URL in the form that SQLAlchemy needs for psycopg 3."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url
