"""The causes that queued deploys wait for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from procrastinate import App
from procrastinate.jobs import Job, Status

from easel.deploys.queue_waits import CAUSES, Limits, longest_waits, waits_for
from easel.deploys.schemas import Cause
from easel.storage.database import Database
from easel.storage.queue import DEPLOYS, ConcurrencyLimit
from easel.worker.jobs.connection import queue_app

HOUR = 3600


@dataclass
class Crowd:
    """The four apps with two deploys each, all accepted an hour ago, and a worker that claims them."""

    queue: App
    database: Database
    limits: ConcurrencyLimit
    worker: int

    async def take(self) -> Job | None:
        """Claims the next job that the limits allow, and begins its deploy."""
        job = await self.queue.job_manager.fetch_job([DEPLOYS], self.worker)
        if job is not None:
            await self.change(
                "update deploy set status = 'building' where id = %(id)s", id=job.task_kwargs["deploy_id"]
            )
        return job

    async def change(self, statement: str, **arguments: object) -> None:
        await self.queue.connector.execute_query_async(statement, **arguments)

    async def waits_for(self, app: str, organisation: str) -> Cause:
        """Returns the cause that this app's first queued deploy waits for."""
        async with self.database.transaction() as work:
            return await waits_for(work, Limits(self.limits), app=app, organisation=organisation)

    async def waits(self) -> dict[Cause, float]:
        """Returns the causes of waits, with the seconds."""
        async with self.database.transaction() as work:
            told = await longest_waits(work, Limits(self.limits))
        assert tuple(told) == CAUSES
        return {cause: seconds for cause, seconds in told.items() if seconds}


@pytest.fixture
async def waiting(crowd: str, request: pytest.FixtureRequest) -> AsyncIterator[Crowd]:
    limits: ConcurrencyLimit = getattr(request, "param", ConcurrencyLimit())
    async with (app := queue_app(crowd, at_once=limits)).open_async():
        app.task(name="a deploy", queue=DEPLOYS)(lambda: None)
        database = Database(crowd)
        made = Crowd(app, database, limits, await app.job_manager.register_worker())
        await made.change("update deploy set queued_at = now() - interval '1 hour'")
        yield made
        await database.close()


def limited(limits: ConcurrencyLimit) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("waiting", [limits], indirect=True)


async def test_a_deploy_without_a_free_worker_waits_for_a_worker(waiting: Crowd) -> None:
    waits = await waiting.waits()
    assert list(waits) == ["worker"]
    assert waits["worker"] == pytest.approx(HOUR, abs=60)


async def test_a_later_deploy_of_an_app_waits_for_the_earlier_one_first(waiting: Crowd) -> None:
    taken = [await waiting.take() for _ in range(4)]
    assert list(await waiting.waits()) == ["app"]
    first = taken[0]
    assert first is not None
    await waiting.queue.job_manager.finish_job(first, Status.SUCCEEDED, delete_job=True)
    ended = "update deploy set status = 'complete', finished_at = now() - interval '90 s' where id = %(id)s"
    await waiting.change(ended, id=first.task_kwargs["deploy_id"])
    waits = await waiting.waits()
    assert list(waits) == ["worker", "app"]
    assert waits["worker"] == pytest.approx(90, abs=60)


@limited(ConcurrencyLimit(organisation=1))
async def test_an_organisation_at_its_own_limit_waits_for_no_worker(waiting: Crowd) -> None:
    assert [await waiting.take() is not None for _ in range(3)] == [True, True, False]
    assert list(await waiting.waits()) == ["app", "organisation"]
    assert await waiting.waits_for("app_0", "big") == "app"
    assert await waiting.waits_for("app_1", "big") == "organisation"
    assert await waiting.waits_for("app_9", "new") == "worker"


@limited(ConcurrencyLimit(organisation=1))
async def test_a_deploy_of_another_organisation_still_waits_for_a_worker(waiting: Crowd) -> None:
    assert await waiting.take() is not None
    assert list(await waiting.waits()) == ["worker", "app", "organisation"]


@limited(ConcurrencyLimit(everywhere=2))
async def test_the_installations_limit_is_the_cause_when_it_is_reached(waiting: Crowd) -> None:
    assert [await waiting.take() is not None for _ in range(3)] == [True, True, False]
    assert list(await waiting.waits()) == ["app", "everywhere"]
    assert await waiting.waits_for("app_9", "new") == "everywhere"


@limited(ConcurrencyLimit(everywhere=2, organisation=1))
async def test_deploys_of_a_dead_worker_delay_no_other_deploy(waiting: Crowd) -> None:
    assert [await waiting.take() is not None for _ in range(2)] == [True, True]
    await waiting.change("update procrastinate_workers set last_heartbeat = now() - interval '1 minute'")
    assert list(await waiting.waits()) == ["worker"]


@limited(ConcurrencyLimit(everywhere=1))
async def test_a_deploy_that_waits_for_a_retry_delays_only_its_app(waiting: Crowd) -> None:
    assert await waiting.take() is not None
    await waiting.change(
        "update procrastinate_jobs set status = 'todo', worker_id = null, scheduled_at = now() + interval '8 s'"
        " where status = 'doing'"
    )
    assert list(await waiting.waits()) == ["worker", "app"]
