"""A worker survives its database's outages, in its own process, with its running work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from procrastinate import App

from easel.worker.jobs.connection import queue_app
from easel.worker.jobs.queue_worker import CarefulWorker
from tests.system.chaos.proxy import Proxy
from tests.world import World

NAME = "tests of the worker"


@asynccontextmanager
async def working(app: App, *, turn: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[asyncio.Task[None]]:
    worker = CarefulWorker(
        app,
        queues=[NAME],
        concurrency=2,
        install_signal_handlers=False,
        update_heartbeat_interval=0.2,
        turn=turn,
        delete_jobs="successful",
    )
    running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
    try:
        yield running
        assert running.cancelled() or not running.done(), "the worker gave up"
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
                    # The job ends while the database is unreachable, and the next job arrives while nobody is
                    # listening.
                    may_end.set()
                    await jobs.defer_async(number=2)
                    await asyncio.sleep(0.5)
                    database.mend()
                    async with asyncio.timeout(60):
                        assert await began.get() == 2
                    assert began.empty(), "a job was run twice"
                    async with asyncio.timeout(60):
                        while await _left(there):
                            await asyncio.sleep(0.02)


async def _left(app: App) -> bool:
    query = "select 1 from procrastinate_jobs where queue_name = %(name)s and status in ('todo', 'doing')"
    return bool(await app.connector.execute_query_all_async(query, name=NAME))


async def test_a_stopping_worker_sends_heartbeats_until_its_jobs_have_ended(world: World) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    async def work(number: int) -> None:
        began.set()
        await may_end.wait()

    async with (app := queue_app(world.url)).open_async():
        app.task(name=NAME, queue=NAME)(work)
        async with working(app) as running:
            await app.configure_task(NAME, queue=NAME).defer_async(number=1)
            async with asyncio.timeout(60):
                await began.wait()
            running.cancel()
            await app.connector.execute_query_async(_SILENCE, name=NAME)
            async with asyncio.timeout(60):
                while await passes_for_dead(app):
                    await asyncio.sleep(0.02)
            may_end.set()
            with suppress(asyncio.CancelledError):
                await running
        assert not await _left(app)


async def test_a_worker_that_was_frozen_sends_a_heartbeat_before_it_takes_a_job(world: World) -> None:
    silent: list[bool] = []

    async with (app := queue_app(world.url)).open_async():

        async def work(number: int) -> None:
            silent.append(await passes_for_dead(app))

        app.task(name=NAME, queue=NAME)(work)
        worker = CarefulWorker(app, queues=[NAME], wait=False, install_signal_handlers=False)
        await app.configure_task(NAME, queue=NAME).defer_async(number=1)
        # The worker registers as if it had been frozen between its start and its first poll.
        register = app.job_manager.register_worker

        async def long_ago() -> int:
            made = await register()
            await app.connector.execute_query_async(
                "update procrastinate_workers set last_heartbeat = now() - interval '1 hour' where id = %(id)s", id=made
            )
            worker._last_beat -= 3600
            return made

        app.job_manager.register_worker = long_ago  # type: ignore[method-assign]
        await worker.run()  # type: ignore[no-untyped-call]
    assert silent == [False]


async def test_a_worker_with_a_turn_waits_for_it(world: World) -> None:
    turn, done = asyncio.Event(), asyncio.Event()
    looked: list[bool] = []

    async def wait() -> None:
        looked.append(turn.is_set())
        await turn.wait()

    async with (app := queue_app(world.url)).open_async():

        async def work(number: int) -> None:
            assert turn.is_set()
            done.set()

        app.task(name=NAME, queue=NAME)(work)
        await app.configure_task(NAME, queue=NAME).defer_async(number=1)
        async with working(app, turn=wait):
            async with asyncio.timeout(60):
                while not looked:
                    await asyncio.sleep(0.02)
                assert await _left(app)
                turn.set()
                await done.wait()
        # A worker that is stopped while it waits for its turn ends at once.
        turn.clear()
        async with asyncio.timeout(60):
            async with working(app, turn=wait):
                await asyncio.sleep(0)


_SILENCE = """
update procrastinate_workers set last_heartbeat = now() - interval '1 hour'
 where id in (select worker_id from procrastinate_jobs where queue_name = %(name)s)
"""


async def passes_for_dead(app: App) -> bool:
    """Returns true if the worker with the job counts as dead."""
    query = """
        select 1 from procrastinate_jobs j join procrastinate_workers w on w.id = j.worker_id
         where j.queue_name = %(name)s and j.status = 'doing' and w.last_heartbeat < now() - interval '1 minute'
    """
    return bool(await app.connector.execute_query_all_async(query, name=NAME))
