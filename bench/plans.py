"""PostgreSQL's plans for Easel's queries. The plans belong to the statements that Easel's own functions send."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import event

from easel.errors import EaselError
from easel.storage.database import Database, Transaction

Statement = tuple[str, Any]


@dataclass(frozen=True)
class Plan:
    """The result of `explain (analyze, buffers)` for one statement: milliseconds, and pages of 8 KiB that were read."""

    text: str
    milliseconds: float
    pages: int
    indexes: tuple[str, ...]
    whole_tables: tuple[str, ...]


class Watched:
    """A database that records the statements passed to the driver."""

    def __init__(self, url: str) -> None:
        noted: list[Statement] = []

        class Noting(psycopg.AsyncCursor[Any]):
            async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
                noted.append((query if isinstance(query, str) else query.as_string(None), params))
                return await super().execute(query, params, **options)

        def connected(connection: Any, _record: object) -> None:
            connection.driver_connection.cursor_factory = Noting

        self.database = Database(url)
        self._noted = noted
        event.listen(self.database.engine.sync_engine, "connect", connected)

    async def statements(self, ask: Callable[[Transaction], Awaitable[object]]) -> list[Statement]:
        """Returns all statements that this call sends to the database."""
        async with self.database.transaction() as work:
            await work.sql("select 1", {})
            self._noted.clear()
            # A query that fails without a result has sent the same statement.
            with suppress(EaselError):
                await ask(work)
            return [(query, params) for query, params in self._noted if _is_explained(query)]


def _is_explained(query: str) -> bool:
    return query.lstrip().split(None, 1)[0].lower() in ("select", "with", "update", "insert", "delete")


def plan_of(connection: psycopg.Connection[Any], query: str, params: Mapping[str, Any] | None) -> Plan:
    """Returns the plan of a statement's second run, when its data is in memory."""
    explained = f"explain (analyze, buffers, costs off, format json) {query}"
    for _ in range(2):
        row = connection.execute(explained.encode(), params).fetchone()
    assert row is not None
    (told,) = row[0] if isinstance(row[0], list) else json.loads(row[0])
    lines = connection.execute(f"explain (analyze, buffers, costs off) {query}".encode(), params).fetchall()
    nodes = list(_nodes(told["Plan"]))
    return Plan(
        text="\n".join(line for (line,) in lines),
        milliseconds=told["Execution Time"],
        pages=told["Plan"]["Shared Hit Blocks"] + told["Plan"]["Shared Read Blocks"],
        indexes=tuple(sorted({node["Index Name"] for node in nodes if "Index Name" in node})),
        whole_tables=tuple(sorted({node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"})),
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
