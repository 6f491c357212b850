"""The pool of connections, while the server on the other side comes and goes."""

from __future__ import annotations

import time

from bench.running import Platform
from easel.storage.database import Database


async def test_connections_that_ended_while_nobody_used_them_fail_nobody(platform: Platform) -> None:
    url = f"postgresql://postgres@/postgres?host={platform.data_dir / 'postgres'}"
    database = Database(url)
    try:
        async with database.transaction() as one, database.transaction() as another:
            ended = [(await work.sql("select pg_backend_pid()", {}))[0][0] for work in (one, another)]
        with platform.database() as connection:
            connection.execute("select pg_terminate_backend(pid) from unnest(%s) pid", (ended,))
            deadline = time.monotonic() + 10
            alive = "select count(*) from pg_stat_activity where pid = any(%s)"
            while connection.execute(alive, (ended,)).fetchone() != (0,):
                assert time.monotonic() < deadline
        async with database.transaction() as one, database.transaction() as another:
            for work in (one, another):
                assert (await work.sql("select pg_backend_pid()", {}))[0][0] not in ended
    finally:
        await database.close()
