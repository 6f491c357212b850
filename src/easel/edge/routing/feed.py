"""The feed of the routing table. It queries PostgreSQL for changes by transaction id, so that no change is ever
missed."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable
from operator import attrgetter
from typing import Any, LiteralString

import psycopg
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from easel.edge.routing.table import MOVE, AppRoute, EnvironmentRoute, RouteTable, moves_to_keep
from easel.errors import EaselError, ServiceUnavailableError
from easel.serving.published import NOTHING_TOLD, encoded_site
from easel.storage.connections import OwnConnection, check_silent, noticing
from easel.storage.statements import statements

logger = logging.getLogger(__name__)

_SQL = statements(__name__)
_NOW = _SQL["now"]
APPS = _SQL["apps"]
_SERVED = _SQL["served"]
SERVED_SOME = _SQL["served_some"]
_OF_ANOTHER_FORM = _SQL["of_another_form"]
VERSION = _SQL["version"]

QUERY_TIMEOUT = 2.0
"""Timeout of a database query in seconds. After a query that took longer, the timeout is twice the time of that query,
up to a minute."""
LONGEST_QUERY = 60.0

_FEW = 100
"""Maximum number of changed apps whose rows are fetched with one prepared statement."""
_CHUNK = 1000
"""Number of rows that are fetched at a time. The whole result would take more memory than the routes that are built
from it."""


class _MisnamedManifestError(Exception):
    """A manifest was readable, but its key does not have the form of Easel's manifest keys, so the version cannot be
    routed."""


class DatabaseFeed:
    """Fills a route table from the database. `refresh` may be called at any time, even while another call runs.
    `on_confirmed` is called when the table matches the database. `check_schema` raises an EaselError until the database
    has this release's schema. Until then, nothing is queried."""

    def __init__(
        self,
        url: str,
        table: RouteTable,
        *,
        retention: float,
        on_confirmed: Callable[[], None] = lambda: None,
        check_schema: Callable[[], None] | None = None,
    ) -> None:
        self._table = table
        self._retention = retention
        self._on_confirmed = on_confirmed
        self._check_schema = check_schema
        self._since = 0
        self._server: object = None
        self._lock = asyncio.Lock()
        self._told: set[tuple[str, int]] = set()
        self._told_schema = ""
        self._looking = OwnConnection(url, snapshots=True)
        self._timeout = QUERY_TIMEOUT
        self._pool = AsyncConnectionPool(
            url,
            min_size=0,
            max_size=3,
            open=False,
            timeout=5,
            reconnect_timeout=1,
            check=check_silent,
            kwargs={"autocommit": True, "row_factory": tuple_row, **noticing(url)},
        )

    async def open(self) -> None:
        """Opens the pool of connections. The first query connects to the database."""
        await self._pool.open()

    async def close(self) -> None:
        """Closes all connections to the database."""
        await self._pool.close()
        await self._looking.close()

    async def refresh(self) -> None:
        """Applies all committed changes of routes in the database to the table. The first call reads all routes. Raises
        psycopg.Error, TimeoutError, EaselError."""
        async with self._lock:
            await self._look_at_schema()
            try:
                await self._look()
            except psycopg.OperationalError:
                # The connection has ended, or the database can no longer be reached through it. A retry on another
                # connection may succeed at once.
                await self._look()
            self._on_confirmed()

    async def _look_at_schema(self) -> None:
        if self._check_schema is None:
            return
        try:
            await asyncio.to_thread(self._check_schema)
        except EaselError as error:
            if not isinstance(error, ServiceUnavailableError) and self._told_schema != error.message:
                self._told_schema = error.message
                logger.error("serving from the routes in memory, because new routes cannot be read: %s", error.message)
            raise
        self._check_schema = None

    async def _look(self) -> None:
        # The first query reads the routes of all apps.
        patience = self._timeout if self._since else None
        try:
            async with self._looking.within(patience) as connection:
                try:
                    await self._take_in(connection)
                except (psycopg.DataError, _MisnamedManifestError):
                    # One version with a malformed key must not prevent the routing of all other versions.
                    await self._take_in(connection, carefully=True)
        except (psycopg.OperationalError, TimeoutError):
            # After a slow query, the next query gets more time.
            self._timeout = min(self._timeout * 2, LONGEST_QUERY)
            raise
        self._timeout = QUERY_TIMEOUT

    async def _take_in(self, connection: psycopg.AsyncConnection[Any], *, carefully: bool = False) -> None:
        async with connection.transaction():
            arguments = {"since": str(self._since), "retention": self._retention, "carefully": carefully, "few": _FEW}
            horizon, now, server, count = await _one(connection, _NOW, arguments)
            # A replacement server may lack the last transactions of its predecessor and use their ids again. A restored
            # backup may use earlier ids. In both cases, everything is read, however long that takes.
            everything = not self._since or server != self._server or horizon < self._since
            if everything:
                self._looking.take_time()
                arguments["since"] = "0"
            served = _SERVED if everything else SERVED_SOME
            read = _rows if everything or count == _FEW else _few_rows
            if carefully:
                async for app_id, number in read(connection, _OF_ANOTHER_FORM, arguments):
                    self._tell(app_id, number)
            changed = await _changed(connection, read, served, arguments) if everything or count else {}
        if everything:
            changed |= {app_id: None for app_id in self._table.apps if app_id not in changed}
        self._table.ahead = time.time() - now
        self._table.apply(changed)
        # A transaction that is still running has this id or a later id, so the next query sees its changes.
        self._since, self._server = horizon, server

    async def version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        """Returns the route of one numbered version of an app. Returns None if the version does not exist or has no
        files. Raises psycopg.Error, PoolTimeout."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(VERSION, {"app": app_id, "number": number})).fetchone()
        if row is not None and row[1] is None:
            self._tell(app_id, number)
            return None
        return EnvironmentRoute(*row) if row is not None else None

    def _tell(self, app_id: str, number: int) -> None:
        if (app_id, number) not in self._told:
            self._told.add((app_id, number))
            reason = "the key of its manifest does not have the form of a key that Easel uses for objects"
            logger.error("version %d of app %s is not served: %s", number, app_id, reason)


_name = attrgetter("name")
_Read = Callable[[psycopg.AsyncConnection[Any], LiteralString, dict[str, Any]], AsyncIterator[tuple[Any, ...]]]


async def _one(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, arguments: dict[str, Any]
) -> tuple[Any, ...]:
    row = await (await connection.execute(query, arguments)).fetchone()
    assert row is not None
    return tuple(row)


async def _changed(
    connection: psycopg.AsyncConnection[Any], read: _Read, query: LiteralString, arguments: dict[str, Any]
) -> dict[str, AppRoute | None]:
    """Runs the queries for changed apps, and returns each app's current state by app id. The state of a deleted app is
    None."""
    served: dict[str, tuple[EnvironmentRoute, ...]] = {}
    async for app_id, name, since, has_variants, moves in read(connection, query, arguments):
        if len(moves) % MOVE.size:
            raise _MisnamedManifestError
        _, version, manifest = MOVE.unpack_from(moves)
        earlier = moves_to_keep(moves[MOVE.size :])
        route = EnvironmentRoute(version, manifest, since, has_variants, earlier, sys.intern(name))
        served[app_id] = (*served[app_id], route) if app_id in served else (route,)
    changed: dict[str, AppRoute | None] = {}
    async for app_id, slug, active, last, stored, prunings, gone in read(connection, APPS, arguments):
        # The environments are sorted, so that an unchanged app compares as equal.
        environments = served.pop(app_id, ())
        if len(environments) > 1:
            environments = tuple(sorted(environments, key=_name))
        site = encoded_site(stored)
        # Most apps have the default settings, so their encoded form is stored only once.
        site = NOTHING_TOLD if site == NOTHING_TOLD else site
        app = AppRoute(app_id, slug, active, last, site, environments, prunings)
        changed[app_id] = None if gone else app
    return changed


def _rows(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, arguments: dict[str, Any]
) -> AsyncIterator[tuple[Any, ...]]:
    return connection.cursor().stream(query, arguments, binary=True, size=_CHUNK)


async def _few_rows(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, arguments: dict[str, Any]
) -> AsyncIterator[tuple[Any, ...]]:
    for row in await (await connection.execute(query, arguments, binary=True)).fetchall():
        yield row
