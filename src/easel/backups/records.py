"""Copies the records out of one database and into another: whole tables by COPY, in one snapshot and one
transaction."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Table as SqlTable

import easel.access.models
import easel.apps.models
import easel.deploys.models
import easel.environments.models
import easel.repositories.models
import easel.uploads.models
import easel.versions.models  # noqa: F401 (each brings its tables)
from easel.backups.models import Table
from easel.storage.connections import noticing
from easel.storage.database import Base, Xid8
from easel.storage.migrate import REVISION
from easel.storage.statements import statements
from easel.versions.needed_objects import IS_NEEDED, KEYS

_SQL = statements(__name__)


def tables() -> list[SqlTable]:
    """Returns Easel's own tables, in an order in which each table comes after the tables that it refers to."""
    return list(Base.metadata.sorted_tables)


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[Snapshot]:
    """Yields a snapshot of the database at the URL, for the duration of the block."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        yield Snapshot(connection)


class Snapshot:
    """Queries on one snapshot of the database. All of them see the database at the same moment."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def rows(self, table: SqlTable) -> tuple[Table, bytes]:
        """Returns all rows of a table in COPY's text format, with their number, columns and hash."""
        # The id of a transaction has no meaning in another database. SQLAlchemy's names are not of the type `str` if a
        # column and its attribute have different names.
        columns = [str(column.name) for column in table.columns if not isinstance(column.type, Xid8)]
        query = sql.SQL("copy (select {} from {} order by {}) to stdout").format(
            _names(columns), sql.Identifier(table.name), _names([column.name for column in table.primary_key])
        )
        data = bytearray()
        async with self._connection.cursor() as cursor:
            async with cursor.copy(query) as copy:
                async for piece in copy:
                    data += piece
            count = cursor.rowcount
        return Table(columns, count, hashlib.sha256(data).hexdigest()), bytes(data)

    async def objects(self) -> tuple[list[str], set[str]]:
        """Returns the keys of the objects that records refer to, and of uploads that may still be deployed."""
        needed = await (await self._connection.execute(KEYS, {"apps": None})).fetchall()
        uploads = await (await self._connection.execute(_SQL["uploads"])).fetchall()
        return sorted(key for (key,) in needed), {key for (key,) in uploads}

    async def schema(self) -> str:
        """Returns the revision of the database's schema."""
        row = await (await self._connection.execute(REVISION)).fetchone()
        assert row is not None
        return str(row[0])


@dataclass(frozen=True, slots=True)
class NeededObject:
    """An object, the environments that serve it, and the numbers of the versions that contain it. `pruned` versions
    need only the record of its content.

    `served_before` is true if an environment has served the object since before the audit's start.
    """

    key: str
    app_id: str
    slug: str
    environments: list[str]
    versions: list[int]
    pruned: list[int]
    served_before: bool


async def moment(url: str) -> datetime:
    """Returns the present time on the database's clock. The times of pointer moves come from the same clock."""
    async with await psycopg.AsyncConnection.connect(url, **noticing(url)) as now:
        row = await (await now.execute(_SQL["moment"])).fetchone()
        assert row is not None
        found: datetime = row[0]
        return found


async def apps_after(url: str, after: str, count: int, *, named: str | None = None) -> list[str]:
    """Returns the ids of the next `count` apps after the id `after`, in order. If the slug or id of an app is given
    (`named`), returns only the id of this app."""
    async with await psycopg.AsyncConnection.connect(url, **noticing(url)) as now:
        found = await now.execute(_SQL["apps"], {"after": after, "named": named, "n": count})
        return [app for (app,) in await found.fetchall()]


async def needed_by(url: str, apps: list[str], before: datetime) -> list[NeededObject]:
    """Returns the objects that records of these apps refer to now, each with the environments and versions that need
    it."""
    async with await psycopg.AsyncConnection.connect(url, **noticing(url)) as now:
        found = await now.execute(_SQL["who_needs"], {"apps": apps, "before": before})
        return [NeededObject(*row) for row in await found.fetchall()]


async def is_needed(url: str, key: str) -> bool:
    """Returns true if records refer to the object with this key now."""
    async with await psycopg.AsyncConnection.connect(url) as now:
        row = await (await now.execute(IS_NEEDED, {"apps": None, "key": key})).fetchone()
        return row is not None and bool(row[0])


async def is_empty(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Returns true if the database contains no app and never contained one."""
    row = await (await connection.execute(_SQL["is_used"])).fetchone()
    return row is not None and not row[0]


async def put_rows(
    connection: psycopg.AsyncConnection[Any], index: Mapping[str, Table], data: Mapping[str, bytes]
) -> None:
    """Replaces all rows of Easel's tables with the rows in a backup, in the caller's transaction. The backup's schema
    may be older, and lack some of this release's tables."""
    known = [table for table in tables() if table.name in index]
    await connection.execute(
        sql.SQL("truncate {}").format(sql.SQL(", ").join(sql.Identifier(table.name) for table in known))
    )
    for table in known:
        query = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table.name), _names(index[table.name].columns))
        async with connection.cursor() as cursor, cursor.copy(query) as copy:
            await copy.write(data[table.name])
    await connection.execute(_SQL["count_audit_on"])


async def unfinished(connection: psycopg.AsyncConnection[Any]) -> list[tuple[str, str, str | None, bool]]:
    """Returns the unfinished deploys as (id, app, step, whether it is built). The deploys of each app are in the order
    in which they were accepted."""
    return list(await (await connection.execute(_SQL["unfinished"])).fetchall())


def _names(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
