"""The queue: a job belongs to the worker that runs it now, whatever a frozen or disconnected worker assumes. Also the
limits of simultaneous jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from procrastinate import App, JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job, Status

from easel.storage.queue import DEPLOYS, ConcurrencyLimit
from easel.worker.jobs.connection import queue_app, take_over
from easel.worker.jobs.queue_worker import CarefulWorker
from testbed.running import Platform

NAME = "tests of the queue"


@dataclass
class Running:
    """A worker with a job."""

    worker: CarefulWorker
    job: Job

    async def end(self, retry: RetryDecision | None = None, status: Status = Status.SUCCEEDED) -> None:
        """Reports the result."""
        context = JobContext(app=self.worker.app, job=self.job, start_timestamp=0, abort_reason=lambda: None)
        await self.worker._persist_job_status(self.job, status, retry, context, None)


class Hands:
    """Claims jobs from the queue by hand, as workers do."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def take(self) -> Running | None:
        worker = CarefulWorker(self.app, delete_jobs=DeleteJobCondition.SUCCESSFUL)
        worker.worker_id = await self.app.job_manager.register_worker()
        job = await self.app.job_manager.fetch_job([NAME], worker.worker_id)
        return Running(worker, job) if job is not None else None

    async def fall_silent(self, running: Running) -> None:
        """Makes the worker's last heartbeat an hour old, and takes over its job."""
        query = "update procrastinate_workers set last_heartbeat = now() - interval '1 hour' where id = %(id)s"
        await self.app.connector.execute_query_async(query, id=running.worker.worker_id)
        assert running.job.id in [job for job, _ in await take_over(self.app, 1800)]
        assert running.job.id not in [job for job, _ in await take_over(self.app, 1800)]


@pytest.fixture
async def hands(platform: Platform) -> AsyncIterator[Hands]:
    async with (app := queue_app(platform.database_url)).open_async():
        app.task(name=NAME, queue=NAME)(lambda: None)
        for _ in range(2):
            await app.configure_task(NAME, queue=NAME, lock=NAME).defer_async()
        yield Hands(app)
        await app.connector.execute_query_async("delete from procrastinate_jobs where queue_name = %(name)s", name=NAME)


@pytest.mark.parametrize("retry", [None, RetryDecision(retry_in={"seconds": 0})])
async def test_a_worker_that_lost_a_job_neither_ends_nor_repeats_it(hands: Hands, retry: RetryDecision | None) -> None:
    frozen = await hands.take()
    assert frozen is not None
    await hands.fall_silent(frozen)
    now = await hands.take()
    assert now is not None
    assert now.job.id == frozen.job.id
    await frozen.end(retry)
    # The job is still running, so nobody can claim it or the job behind it.
    assert await hands.take() is None
    # If the second worker dies too, the job is not lost.
    await hands.fall_silent(now)
    third = await hands.take()
    assert third is not None
    assert third.job.id == frozen.job.id
    await third.end()
    following = await hands.take()
    assert following is not None
    assert following.job.id != frozen.job.id


async def test_the_end_of_a_job_is_recorded_again_until_the_database_has_stored_it(
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
            # First the connection is cut before the database is reached, and then before the response arrives.
            raise ConnectorException
        return answer

    monkeypatch.setattr(hands.app.connector, "execute_query_all_async", once_cut_off)
    await running.end()
    monkeypatch.undo()
    following = await hands.take()
    assert following is not None
    assert following.job.id != running.job.id


async def test_a_job_whose_claim_got_no_response_is_put_back(hands: Hands) -> None:
    unaware = await hands.take()
    assert unaware is not None
    # The worker lives, so nobody takes over its job.
    assert await take_over(hands.app, 1800) == []
    await unaware.worker._beat()
    assert await hands.take() is None
    await unaware.worker._beat()
    again = await hands.take()
    assert again is not None
    assert again.job.id == unaware.job.id


async def test_a_worker_whose_row_was_deleted_registers_again(hands: Hands) -> None:
    running = await hands.take()
    assert running is not None
    forget = "delete from procrastinate_workers where id = %(id)s"
    await hands.app.connector.execute_query_async(forget, id=running.worker.worker_id)
    await running.worker._beat()
    query = "select id from procrastinate_workers where id = %(id)s"
    assert await hands.app.connector.execute_query_all_async(query, id=running.worker.worker_id)


async def test_the_databases_clock_determines_the_time_of_a_retry(hands: Hands) -> None:
    running = await hands.take()
    assert running is not None
    await running.end(RetryDecision(retry_in={"seconds": 100}))
    query = "select extract(epoch from scheduled_at - now())::float8 as pause from procrastinate_jobs where id = %(id)s"
    (row,) = await hands.app.connector.execute_query_all_async(query, id=running.job.id)
    assert 90 < row["pause"] <= 100


async def test_a_task_that_only_a_newer_release_knows_is_left_to_it(hands: Hands) -> None:
    del hands.app.tasks[NAME]
    assert await hands.take() is None


async def test_many_waiting_jobs_of_one_app_delay_no_other_app(hands: Hands) -> None:
    await hands.app.connector.execute_query_async(
        "insert into procrastinate_jobs (queue_name, task_name, lock, args, status)"
        " select %(name)s, %(name)s, 'busy', '{}', 'todo' from generate_series(1, 20000)",
        name=NAME,
    )
    await hands.app.configure_task(NAME, queue=NAME, lock="another").defer_async()
    taken = [await hands.take() for _ in range(4)]
    # On a slow machine, one of these jobs may be taken over and claimed once more.
    assert list(dict.fromkeys(one.job.lock for one in taken if one is not None)) == [NAME, "busy", "another"]


@pytest.mark.parametrize(
    ("at_once", "taken"),
    [
        (ConcurrencyLimit(), ["dep_0_1", "dep_1_1", "dep_2_1", "dep_3_1"]),
        (ConcurrencyLimit(everywhere=2), ["dep_0_1", "dep_3_1"]),
        (ConcurrencyLimit(organisation=1), ["dep_0_1", "dep_3_1"]),
        (ConcurrencyLimit(everywhere=3, organisation=2), ["dep_0_1", "dep_1_1", "dep_3_1"]),
    ],
)
async def test_no_more_deploys_run_at_once_than_may(crowd: str, at_once: ConcurrencyLimit, taken: list[str]) -> None:
    """The limit is kept if many workers poll at the same moment, and if many deploys of one organisation precede the
    deploys of another."""
    async with (app := queue_app(crowd, at_once=at_once)).open_async():
        app.task(name="a deploy", queue=DEPLOYS)(lambda: None)
        worker = await app.job_manager.register_worker()
        rush = await asyncio.gather(*(app.job_manager.fetch_job([DEPLOYS], worker) for _ in range(6)))
        running = [job for job in rush if job is not None]
        assert sorted(str(job.task_kwargs["deploy_id"]) for job in running) == taken
        # When a job has ended, there is a place for the next job, of the same app or of another app.
        await app.job_manager.finish_job(running[0], Status.SUCCEEDED, delete_job=True)
        following = [await app.job_manager.fetch_job([DEPLOYS], worker) for _ in range(2)]
        assert [job is not None for job in following] == [True, False]
