"""Tasks and retries in Easel's own terms, on the real queue."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from easel.storage.database import Database
from easel.worker.jobs.queue import JobQueue
from easel.worker.jobs.tasks import Task
from tests.world import World

NAME = "tests of the job queue"


async def test_a_task_that_failed_is_run_again_as_often_as_its_worker_is_told_to(world: World) -> None:
    runs: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
    asked: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def work(*, attempts: int, word: str) -> None:
        runs.put_nowait((attempts, word))
        raise ValueError(f"{word} {attempts}")

    def again(error: BaseException, attempts: int) -> int | None:
        asked.put_nowait((str(error), attempts))
        return 0 if attempts == 0 else None

    jobs = JobQueue(world.url, [Task(NAME, NAME, work)], retry=again)
    async with jobs.open():
        worker = jobs.worker([NAME], 1, heartbeat=1, stopped_within=1)
        working = asyncio.create_task(worker.work())
        database = Database(world.url)
        async with database.transaction() as transaction:
            await world.queue.defer(transaction, NAME, queue=NAME, lock=None, word="hello")
        async with asyncio.timeout(60):
            assert [await runs.get(), await runs.get()] == [(0, "hello"), (1, "hello")]
            assert [await asked.get(), await asked.get()] == [("hello 0", 0), ("hello 1", 1)]
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        await database.close()
    assert runs.empty()
