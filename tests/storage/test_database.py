"""The pool of connections, while the server goes down and comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import QueuePool

from easel.storage.database import Database, Transaction
from testbed.running import Platform

PID = "select pg_backend_pid()"


@asynccontextmanager
async def connected(platform: Platform) -> AsyncIterator[Database]:
    """Yields the platform's database. At the end, all its connections must be back in their pool."""
    database = Database(f"postgresql://postgres@/postgres?host={platform.data_dir / 'postgres'}", pool_size=1)
    try:
        yield database
        pool = database.engine.sync_engine.pool
        assert isinstance(pool, QueuePool)
        deadline = time.monotonic() + 60
        while pool.checkedout():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        async with database.transaction() as work:
            assert await work.sql("select 1", {}) == [(1,)]
    finally:
        await database.close()


async def take(work: Transaction, *, sql_first: bool) -> int:
    """Makes the unit of work use one connection in both ways. Returns the id of the connection's process in the
    server."""
    pids = [
        (await work.sql(PID, {}))[0][0] if plain else await work.session.scalar(text(PID))
        for plain in (sql_first, not sql_first)
    ]
    assert pids[0] == pids[1]
    return int(pids[0])


async def test_connections_that_were_closed_while_idle_fail_no_request(platform: Platform) -> None:
    url = f"postgresql://postgres@/postgres?host={platform.data_dir / 'postgres'}"
    database = Database(url)
    try:
        async with database.transaction() as one, database.transaction() as another:
            ended = [(await work.sql("select pg_backend_pid()", {}))[0][0] for work in (one, another)]
        with platform.database() as connection:
            connection.execute("select pg_terminate_backend(pid) from unnest(%s) pid", (ended,))
            deadline = time.monotonic() + 60
            alive = "select count(*) from pg_stat_activity where pid = any(%s)"
            while connection.execute(alive, (ended,)).fetchone() != (0,):
                assert time.monotonic() < deadline
        async with database.transaction() as one, database.transaction() as another:
            for work in (one, another):
                assert (await work.sql("select pg_backend_pid()", {}))[0][0] not in ended
    finally:
        await database.close()


@pytest.mark.parametrize("sql_first", [True, False])
async def test_a_connection_that_a_session_loses_is_an_error_of_the_database(
    platform: Platform, sql_first: bool
) -> None:
    async with connected(platform) as database:

        async def lose() -> None:
            async with database.transaction() as work:
                pid = await take(work, sql_first=sql_first)
                with platform.database() as connection:
                    connection.execute("select pg_terminate_backend(%s, 60000)", (pid,))
                await work.session.scalar(text(PID))

        with pytest.raises(OperationalError, match="terminating connection"):
            await lose()


@pytest.mark.parametrize("sql_first", [True, False])
async def test_a_unit_of_work_that_is_cancelled_while_its_session_waits_ends_as_cancelled(
    platform: Platform, sql_first: bool
) -> None:
    async with connected(platform) as database:

        async def wait() -> None:
            async with asyncio.timeout(0.1), database.transaction() as work:
                await take(work, sql_first=sql_first)
                await work.session.scalar(text("select pg_sleep(20)"))

        with pytest.raises(TimeoutError):
            await wait()


@pytest.mark.parametrize("sql_first", [True, False])
async def test_a_unit_of_work_that_is_cancelled_while_it_is_undone_gives_its_connection_back(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, sql_first: bool
) -> None:
    async with connected(platform) as database:
        original, closing = AsyncSession.close, asyncio.Event()
        pids = []

        async def close(self: AsyncSession) -> None:
            closing.set()
            await asyncio.sleep(0.05)
            await original(self)

        async def fail() -> None:
            async with database.transaction() as work:
                pids.append(await take(work, sql_first=sql_first))
                raise KeyError

        with monkeypatch.context() as slow:
            slow.setattr(AsyncSession, "close", close)
            failing = asyncio.create_task(fail())
            await closing.wait()
            failing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await failing
            await asyncio.sleep(0.1)
        # The connection was not discarded either, as a connection without an owner is.
        async with database.transaction() as work:
            assert await take(work, sql_first=sql_first) == pids[0]


@pytest.mark.parametrize("sql_first", [True, False])
async def test_statements_after_a_release_are_one_new_unit_of_work(platform: Platform, sql_first: bool) -> None:
    async with connected(platform) as database, database.transaction() as work:
        for first in (sql_first, not sql_first, sql_first):
            await take(work, sql_first=first)
            await work.release()


async def test_an_unused_pool_closes_its_connections_and_reopens_on_use(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.storage.idle_pool.UNUSED_FOR", 0.05)
    async with connected(platform) as database:
        async with database.transaction() as work:
            ended = await take(work, sql_first=True)
        await until_ended(database, ended)
        async with database.transaction() as work:
            again = await take(work, sql_first=False)
    assert again != ended


async def test_a_separate_connection_ends_with_its_block(platform: Platform) -> None:
    async with connected(platform) as database:
        async with database.apart(60) as statement:
            ((ended,),) = await statement(PID, {})
        await until_ended(database, ended)


async def test_an_unreachable_database_raises_an_error_for_a_separate_connection(tmp_path: Path) -> None:
    with pytest.raises(psycopg.OperationalError):
        async with Database(f"postgresql://postgres@/postgres?host={tmp_path}").apart(60):
            raise AssertionError


async def until_ended(database: Database, process: int) -> None:
    """Waits until the server's process has ended, by asking on other connections."""
    deadline = time.monotonic() + 60
    count = [(1,)]
    while count != [(0,)]:
        assert time.monotonic() < deadline
        async with database.apart() as statement:
            count = await statement("select count(*) from pg_stat_activity where pid = %(pid)s", {"pid": process})
