"""The queue: a job is whoever's who runs it now, whatever a worker that was frozen or cut off believes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from procrastinate import App, JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job, Status

from bench.running import Platform
from easel.storage.queue import CarefulWorker, queue_app, take_over

NAME = "tests of the queue"


@dataclass
class Running:
    """A worker with a job in its hands."""

    worker: CarefulWorker
    job: Job

    async def end(self, retry: RetryDecision | None = None, status: Status = Status.SUCCEEDED) -> None:
        """Says how it went."""
        context = JobContext(app=self.worker.app, job=self.job, start_timestamp=0, abort_reason=lambda: None)
        await self.worker._persist_job_status(self.job, status, retry, context, None)


class Hands:
    """Takes jobs from the queue by hand, as workers do."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def take(self) -> Running | None:
        worker = CarefulWorker(self.app, delete_jobs=DeleteJobCondition.SUCCESSFUL)
        worker.worker_id = await self.app.job_manager.register_worker()
        job = await self.app.job_manager.fetch_job([NAME], worker.worker_id)
        return Running(worker, job) if job is not None else None

    async def fall_silent(self, running: Running) -> None:
        """Its last sign was an hour ago, and somebody noticed."""
        query = "update procrastinate_workers set last_heartbeat = now() - interval '1 hour' where id = %(id)s"
        await self.app.connector.execute_query_async(query, id=running.worker.worker_id)
        assert running.job.id in [job for job, _ in await take_over(self.app, 1800)]
        assert running.job.id not in [job for job, _ in await take_over(self.app, 1800)]


@pytest.fixture
async def hands(platform: Platform) -> AsyncIterator[Hands]:
    url = f"postgresql://postgres@/postgres?host={platform.data_dir / 'postgres'}"
    async with (app := queue_app(url)).open_async():
        app.task(name=NAME, queue=NAME)(lambda: None)
        for _ in range(2):
            await app.configure_task(NAME, queue=NAME, lock=NAME).defer_async()
        yield Hands(app)
        await app.connector.execute_query_async("delete from procrastinate_jobs where queue_name = %(name)s", name=NAME)


@pytest.mark.parametrize("retry", [None, RetryDecision(retry_in={"seconds": 0})])
async def test_who_lost_a_job_neither_ends_nor_repeats_it(hands: Hands, retry: RetryDecision | None) -> None:
    frozen = await hands.take()
    assert frozen is not None
    await hands.fall_silent(frozen)
    now = await hands.take()
    assert now is not None
    assert now.job.id == frozen.job.id
    await frozen.end(retry)
    # It is still being run: neither it nor what waits behind it is there for anybody.
    assert await hands.take() is None
    # And when its second owner dies as well, it is not lost.
    await hands.fall_silent(now)
    third = await hands.take()
    assert third is not None
    assert third.job.id == frozen.job.id
    await third.end()
    following = await hands.take()
    assert following is not None
    assert following.job.id != frozen.job.id


async def test_how_a_job_ended_is_said_again_until_the_database_has_heard_it(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await hands.take()
    assert running is not None
    ask = hands.app.connector.execute_query_all_async
    asked = []

    async def once_cut_off(query: str, **arguments: object) -> list[dict[str, object]]:
        asked.append(query)
        answer = await ask(query, **arguments) if len(asked) != 1 else []
        if len(asked) < 3:
            # Cut off before the database was reached, and then before its answer came.
            raise ConnectorException
        return answer

    monkeypatch.setattr(hands.app.connector, "execute_query_all_async", once_cut_off)
    await running.end()
    monkeypatch.undo()
    following = await hands.take()
    assert following is not None
    assert following.job.id != running.job.id
