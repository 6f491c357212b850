"""The table's source: what changed, asked of PostgreSQL by transaction id, so that nothing is ever missed."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, LiteralString

import psycopg
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from easel.edge.routes import AppRoute, Earlier, EnvironmentRoute, RouteTable
from easel.storage.connections import check_silent, hang_up, is_silent, noticing

logger = logging.getLogger(__name__)

_NOW: LiteralString = (
    "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, extract(epoch from clock_timestamp())::float8,"
    " pg_postmaster_start_time()"
)

_APPS = """
select a.id, a.slug, a.is_active, a.last_version, a.prunings,
       coalesce((a.published -> 'meta' -> 'indexable') = 'true'::jsonb, false),
       coalesce(a.published -> 'build_config' -> 'env_vars', '{}'::jsonb),
       extract(epoch from coalesce(a.published_at, a.created_at))::float8,
       a.deleted_at is not null
  from app a
 where a.changed_xid >= %(since)s::xid8
"""

_ENVIRONMENTS = """
select e.app_id, e.name, e.version, v.manifest_key, extract(epoch from e.moved_at)::float8, x.object_key
  from app a
  join environment e on e.app_id = a.id
  join version v on v.app_id = e.app_id and v.number = e.version and v.manifest_key is not null
  left join variants x on x.app_id = v.app_id and x.manifest_key = v.manifest_key
 where a.changed_xid >= %(since)s::xid8 and a.deleted_at is null
"""

# What each environment served before, the latest end of each version first, within the retention time.
_EARLIER = """
select m.app_id, m.environment, m.from_version, v.manifest_key, extract(epoch from max(m.at))::float8 as until
  from app a
  join audit m on m.app_id = a.id
  join version v on v.app_id = m.app_id and v.number = m.from_version and v.manifest_key is not null
 where a.changed_xid >= %(since)s::xid8 and a.deleted_at is null
   and m.at > now() - make_interval(secs => %(retention)s) and m.from_version is distinct from m.to_version
 group by m.app_id, m.environment, m.from_version, v.manifest_key
 order by until desc
"""

_VERSION = """
select v.number, v.manifest_key, extract(epoch from v.deployed_at)::float8, x.object_key
  from version v
  join app a on a.id = v.app_id and a.deleted_at is null
  left join variants x on x.app_id = v.app_id and x.manifest_key = v.manifest_key
 where v.app_id = %(app)s and v.number = %(number)s and v.manifest_key is not null
   and not exists (select from pruned p where p.app_id = v.app_id and p.number = v.number)
"""

PATIENCE = 2.0
"""Seconds that a look at the database may take, until one took longer: then twice as many, up to a minute."""
MOST_PATIENCE = 60.0

EARLIER_KEPT = 30
"""How many earlier versions of an environment are searched for an open tab's assets."""


class DatabaseFeed:
    """Fills a route table from the database. `refresh` may be called at any time, by many at once."""

    def __init__(self, url: str, table: RouteTable, *, retention: float) -> None:
        self._table = table
        self._retention = retention
        self._since = 0
        self._server: object = None
        self._lock = asyncio.Lock()
        self._url = url
        # Of its own, not the pool's: a pool that could not connect waits, longer each time, before it tries again.
        self._looking: psycopg.AsyncConnection[Any] | None = None
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
        """Connects, and loads the whole table."""
        await self._pool.open()
        await self.refresh()

    async def close(self) -> None:
        """Disconnects."""
        await self._pool.close()
        if self._looking is not None:
            await self._looking.close()

    async def refresh(self) -> None:
        """Applies every change that is visible now. Raises psycopg.Error, TimeoutError."""
        async with self._lock:
            try:
                await self._look()
            except psycopg.OperationalError:
                # The connection has ended, or its other side has vanished. Another one may do better, at once.
                await self._look()

    async def _look(self) -> None:
        # The first look is at everything.
        patience = self._patience if self._since else None
        try:
            connection = await self._connected(patience)
            giving_up = asyncio.get_running_loop().call_later(patience or 3600, hang_up, connection)
            try:
                await self._take_in(connection, giving_up)
            finally:
                giving_up.cancel()
        except (psycopg.OperationalError, TimeoutError):
            # If it is not gone but slow, the next look has more time.
            self._patience = min(self._patience * 2, MOST_PATIENCE)
            raise
        self._patience = PATIENCE

    async def _connected(self, patience: float | None) -> psycopg.AsyncConnection[Any]:
        """The connection for looking, connected anew when it has ended."""
        if self._looking is None or not is_silent(self._looking):
            if self._looking is not None:
                await self._looking.close()
            async with asyncio.timeout(patience):
                self._looking = await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, row_factory=tuple_row, **noticing(self._url)
                )
        return self._looking

    async def _take_in(self, connection: psycopg.AsyncConnection[Any], giving_up: asyncio.TimerHandle) -> None:
        async with connection.transaction():
            await connection.execute("set transaction isolation level repeatable read, read only")
            horizon, now, server = await _one(connection, _NOW)
            # A server that took another's place may lack its last transactions, and number its own like them; one that
            # was brought back from a backup may number them from before. Then all is read, however long it takes.
            since = self._since if server == self._server and horizon >= self._since else 0
            if not since:
                giving_up.cancel()
            arguments = {"since": str(since), "retention": self._retention}
            apps = await (await connection.execute(_APPS, arguments)).fetchall()
            if apps:
                environments = await (await connection.execute(_ENVIRONMENTS, arguments)).fetchall()
                earlier = await (await connection.execute(_EARLIER, arguments)).fetchall()
            else:
                environments, earlier = [], []
        changed = _routes(apps, environments, earlier)
        if not since:
            changed |= {app_id: None for app_id in self._table.apps if app_id not in changed}
        self._table.ahead = time.time() - now
        self._table.apply(changed)
        # A transaction that was still running has an id at or past this; it will be seen next time.
        self._since, self._server = horizon, server

    async def version(self, app_id: str, number: int) -> EnvironmentRoute | None:
        """What that version serves. Raises psycopg.Error or PoolTimeout."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_VERSION, {"app": app_id, "number": number})).fetchone()
        if row is None:
            return None
        return EnvironmentRoute(version=row[0], manifest_key=row[1], modified_at=row[2], variants_key=row[3])


async def _one(connection: psycopg.AsyncConnection[Any], query: LiteralString) -> tuple[Any, ...]:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return tuple(row)


def _routes(
    apps: list[tuple[Any, ...]], environments: list[tuple[Any, ...]], earlier: list[tuple[Any, ...]]
) -> dict[str, AppRoute | None]:
    before: dict[tuple[str, str], list[Earlier]] = {}
    for app_id, name, version, manifest_key, until in earlier:
        known = before.setdefault((app_id, name), [])
        if len(known) < EARLIER_KEPT:
            known.append(Earlier(version=version, manifest_key=manifest_key, until=until))
    published = {row[0]: row[7] for row in apps}
    serving: dict[str, dict[str, EnvironmentRoute]] = {}
    for app_id, name, version, manifest_key, moved_at, variants_key in environments:
        serving.setdefault(app_id, {})[name] = EnvironmentRoute(
            version=version,
            manifest_key=manifest_key,
            modified_at=max(moved_at, published[app_id]),
            variants_key=variants_key,
            earlier=tuple(e for e in before.get((app_id, name), ()) if e.version != version),
        )
    return {
        app_id: None
        if deleted
        else AppRoute(
            app_id=app_id,
            slug=slug,
            active=active,
            last_version=last_version,
            prunings=prunings,
            indexable=indexable,
            variables={
                name: str(value) for name, value in (variables or {}).items() if name.upper() != "MIXPEEK_API_KEY"
            },
            environments=serving.get(app_id, {}),
        )
        for app_id, slug, active, last_version, prunings, indexable, variables, _, deleted in apps
    }
