"""The table's source: what changed, asked of PostgreSQL by transaction id, so that nothing is ever missed."""

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

from easel.edge.routing.table import MOVE, AppRoute, EnvironmentRoute, RouteTable, kept_moves
from easel.errors import EaselError, ServiceUnavailableError
from easel.serving.published import NOTHING_TOLD, STORED, told
from easel.storage.connections import OwnConnection, check_silent, noticing

logger = logging.getLogger(__name__)

_NOW: LiteralString = """
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, extract(epoch from clock_timestamp())::float8,
       pg_postmaster_start_time(),
       coalesce((select changed_xid >= %(since)s::xid8 from app order by changed_xid desc limit 1), false)
"""

_APPS: LiteralString = f"""
select id, slug, is_active, last_version, {STORED}, prunings, deleted_at is not null
  from app
 where changed_xid >= %(since)s::xid8
"""  # noqa: S608 (made of constants)

# The hash in a manifest's key (storage/object_names.py): all else in it is known.
_MANIFEST: LiteralString = "decode(left(right(v.manifest_key, 69), 64), 'hex')"
_AS_WRITTEN: LiteralString = "v.manifest_key ~ '/manifests/[0-9a-f]{64}[.]json$'"

# What environments serve (as if for ever), and what they have left within the retention time.
_WHICH: LiteralString = """
            select e.app_id, e.name as environment, e.version as number, 'infinity'::timestamptz as until,
                   greatest(e.moved_at, coalesce(a.published_at, a.created_at)) as since
              from app a
              join environment e on e.app_id = a.id and e.version is not null
             where a.changed_xid >= %(since)s::xid8 and a.deleted_at is null
            union all
            select m.app_id, m.environment, m.from_version, m.at, null
              from app a
              join audit m on m.app_id = a.id and m.from_version is distinct from m.to_version
             where a.changed_xid >= %(since)s::xid8 and a.deleted_at is null
               and m.at > now() - make_interval(secs => %(retention)s)
"""

# Of each environment that serves something all versions that it serves or served within the retention time, packed as
# routes.MOVE, the latest first. One join looks them all up: it is most of what loading takes.
_SERVED: LiteralString = f"""
select s.app_id, s.environment, s.since, x.app_id is not null, s.moves
  from (
    select app_id, environment, extract(epoch from max(since))::float8 as since, max(serves) as serves,
           string_agg(move, ''::bytea order by move desc) as moves
      from (
        select w.app_id, w.environment, w.since, case when w.since is not null then v.manifest_key end as serves,
               float8send(extract(epoch from w.until)::float8) || int4send(w.number) || {_MANIFEST} as move
          from ({_WHICH}) w
          join version v on v.app_id = w.app_id and v.number = w.number and v.manifest_key is not null
        offset 0  -- Packed before they are sorted, not after.
      ) packed
     group by app_id, environment
    having max(since) is not null
  ) s
  left join variants x on x.app_id = s.app_id and x.manifest_key = s.serves
"""  # noqa: S608 (made of constants)

# An app may have moved a hundred thousand times between two versions, and be looked at after each move. To group all
# moves of all apps takes longer than to send them.
_SERVED_SOME: LiteralString = _SERVED.replace("m.from_version, m.at, null", "m.from_version, max(m.at), null").replace(
    "make_interval(secs => %(retention)s)\n",
    "make_interval(secs => %(retention)s) group by m.app_id, m.environment, m.from_version\n",
)

# One key of another form fails a whole look. To hold each against its form would take seconds more to load a million
# apps, so that is for a second look, once one has failed.
_CAREFULLY: tuple[LiteralString, LiteralString] = ("v.manifest_key is not null", _AS_WRITTEN)
_OF_ANOTHER_FORM: LiteralString = f"""
select distinct v.app_id, v.number
  from ({_WHICH}) w
  join version v on v.app_id = w.app_id and v.number = w.number and not {_AS_WRITTEN}
"""  # noqa: S608 (made of constants)

_VERSION: LiteralString = f"""
select v.number, case when {_AS_WRITTEN} then {_MANIFEST} end, extract(epoch from v.deployed_at)::float8,
       x.app_id is not null
  from version v
  join app a on a.id = v.app_id and a.deleted_at is null
  left join variants x on x.app_id = v.app_id and x.manifest_key = v.manifest_key
 where v.app_id = %(app)s and v.number = %(number)s and v.manifest_key is not null
   and not exists (select from pruned p where p.app_id = v.app_id and p.number = v.number)
"""  # noqa: S608 (made of constants)

PATIENCE = 2.0
"""Seconds that a look at the database may take, until one took longer: then twice as many, up to a minute."""
MOST_PATIENCE = 60.0

_CHUNK = 1000
"""Rows that are taken from the connection at a time: all at once would be more than what is made of them."""


class _OfAnotherFormError(Exception):
    """A manifest's key has another form than Easel writes, and could be read all the same."""


class DatabaseFeed:
    """Fills a route table from the database. `refresh` may be called at any time, by many at once.

    `on_confirmed` is called when the table is what the database says. With `check_schema`, which raises an EaselError
    until the database has this release's schema, nothing is asked before that.
    """

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
        self._looking = OwnConnection(url)
        self._patience = PATIENCE
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
        """Begins to connect when there is something to ask."""
        await self._pool.open()

    async def close(self) -> None:
        """Disconnects."""
        await self._pool.close()
        await self._looking.close()

    async def refresh(self) -> None:
        """Applies every change that is visible now; the first time that is all there is. Raises psycopg.Error,
        TimeoutError, EaselError."""
        async with self._lock:
            await self._look_at_schema()
            try:
                await self._look()
            except psycopg.OperationalError:
                # The connection has ended, or its other side has vanished. Another one may do better, at once.
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
                logger.error("serving what is known: %s", error.message)
            raise
        self._check_schema = None

    async def _look(self) -> None:
        # The first look is at everything.
        patience = self._patience if self._since else None
        try:
            async with self._looking.within(patience) as connection:
                try:
                    await self._take_in(connection)
                except (psycopg.DataError, _OfAnotherFormError):
                    # One version must not keep all others from being known.
                    await self._take_in(connection, carefully=True)
        except (psycopg.OperationalError, TimeoutError):
            # If it is not gone but slow, the next look has more time.
            self._patience = min(self._patience * 2, MOST_PATIENCE)
            raise
        self._patience = PATIENCE

    async def _take_in(self, connection: psycopg.AsyncConnection[Any], *, carefully: bool = False) -> None:
        async with connection.transaction():
            await connection.execute("set transaction isolation level repeatable read, read only")
            arguments = {"since": str(self._since), "retention": self._retention}
            horizon, now, server, any_changed = await _one(connection, _NOW, arguments)
            # A server that took another's place may lack its last transactions, and number its own like them; one that
            # was brought back from a backup may number them from before. Then all is read, however long it takes.
            everything = not self._since or server != self._server or horizon < self._since
            if everything:
                self._looking.take_time()
                arguments["since"] = "0"
            served = _SERVED if everything else _SERVED_SOME
            if carefully:
                served = served.replace(*_CAREFULLY)
                async for app_id, number in _rows(connection, _OF_ANOTHER_FORM, arguments):
                    self._tell(app_id, number)
            changed = await _changed(connection, served, arguments) if everything or any_changed else {}
        if everything:
            changed |= {app_id: None for app_id in self._table.apps if app_id not in changed}
        self._table.ahead = time.time() - now
        self._table.apply(changed)
        # A transaction that was still running has an id at or past this; it will be seen next time.
        self._since, self._server = horizon, server

    async def version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        """What that version serves. Raises psycopg.Error or PoolTimeout."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_VERSION, {"app": app_id, "number": number})).fetchone()
        if row is not None and row[1] is None:
            self._tell(app_id, number)
            return None
        return EnvironmentRoute(*row) if row is not None else None

    def _tell(self, app_id: str, number: int) -> None:
        if (app_id, number) not in self._told:
            self._told.add((app_id, number))
            reason = "the key of its manifest has another form than Easel writes"
            logger.error("version %d of app %s is not served: %s", number, app_id, reason)


_name = attrgetter("name")


async def _one(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, arguments: dict[str, Any]
) -> tuple[Any, ...]:
    row = await (await connection.execute(query, arguments)).fetchone()
    assert row is not None
    return tuple(row)


async def _changed(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, arguments: dict[str, Any]
) -> dict[str, AppRoute | None]:
    """What has changed, as it is now; None is an app that is gone."""
    served: dict[str, tuple[EnvironmentRoute, ...]] = {}
    async for app_id, name, since, has_variants, moves in _rows(connection, query, arguments):
        if len(moves) % MOVE.size:
            raise _OfAnotherFormError
        _, version, manifest = MOVE.unpack_from(moves)
        earlier = kept_moves(moves[MOVE.size :])
        route = EnvironmentRoute(version, manifest, since, has_variants, earlier, sys.intern(name))
        served[app_id] = (*served[app_id], route) if app_id in served else (route,)
    changed: dict[str, AppRoute | None] = {}
    async for app_id, slug, active, last, stored, prunings, gone in _rows(connection, _APPS, arguments):
        # In one order, so that what has not changed is equal.
        environments = served.pop(app_id, ())
        if len(environments) > 1:
            environments = tuple(sorted(environments, key=_name))
        site = told(stored)
        # Most apps tell nothing: that is held once for all of them.
        site = NOTHING_TOLD if site == NOTHING_TOLD else site
        app = AppRoute(app_id, slug, active, last, site, environments, prunings)
        changed[app_id] = None if gone else app
    return changed


def _rows(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, arguments: dict[str, Any]
) -> AsyncIterator[tuple[Any, ...]]:
    return connection.cursor().stream(query, arguments, binary=True, size=_CHUNK)
