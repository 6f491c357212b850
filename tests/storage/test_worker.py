"""A worker outlives its database's absences, in its own process, with what it was doing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from procrastinate import App

from easel.storage.queue import queue_app
from easel.storage.worker import CarefulWorker
from tests.system.chaos.proxy import Proxy
from tests.world import World

NAME = "tests of the worker"


@asynccontextmanager
async def working(app: App) -> AsyncIterator[None]:
    worker = CarefulWorker(
        app, queues=[NAME], concurrency=2, install_signal_handlers=False, update_heartbeat_interval=0.2
    )
    running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
    try:
        yield
        assert not running.done(), "the worker gave up"
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_worker_goes_on_when_its_database_is_back(world: World) -> None:
    began: asyncio.Queue[int] = asyncio.Queue()
    may_end = asyncio.Event()

    async def work(number: int) -> None:
        began.put_nowait(number)
        await may_end.wait()

    with TemporaryDirectory(prefix="easel-") as folder:
        database = Proxy(world.settings.postgres_dir / ".s.PGSQL.5432")
        with database.listening(Path(folder, ".s.PGSQL.5432")):
            async with (
                (there := queue_app(world.url)).open_async(),
                (app := queue_app(f"postgresql://postgres@/postgres?host={folder}")).open_async(),
            ):
                app.task(name=NAME, queue=NAME)(work)
                jobs = there.configure_task(NAME, queue=NAME, lock=NAME, allow_unknown=True)
                async with working(app):
                    await jobs.defer_async(number=1)
                    assert await began.get() == 1
                    database.cut()
                    # It ends while nobody can be told, and the next one comes while nobody is listening.
                    may_end.set()
                    await jobs.defer_async(number=2)
                    await asyncio.sleep(0.5)
                    database.mend()
                    async with asyncio.timeout(10):
                        assert await began.get() == 2
                    assert began.empty(), "a job was run twice"
                    async with asyncio.timeout(10):
                        while await _left(there):
                            await asyncio.sleep(0.02)


async def _left(app: App) -> bool:
    query = "select 1 from procrastinate_jobs where queue_name = %(name)s and status in ('todo', 'doing')"
    return bool(await app.connector.execute_query_all_async(query, name=NAME))
