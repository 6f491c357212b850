"""Deploys end in time. A deploy that was already live at its deadline ends as live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from easel.apps.models import App
from easel.deploys.errors import DeployTimedOutError
from easel.deploys.models import Deploy
from easel.deploys.pipeline import Pipeline
from easel.deploys.run_row import StopRequestedError
from easel.deploys.steps import STEPS
from easel.deploys.steps.step import Run, Step
from easel.environments.models import Environment
from easel.settings import Settings
from easel.storage.objects import PinnedUpload
from easel.worker.housekeeping.sweep import sweep
from easel.worker.worker import DeployWorker
from testbed.waiting import at_some_pace
from tests.worker.test_orphans import make_app, order, run
from tests.world import World


def pipeline(world: World, deploy_id: str, settings: Settings) -> Pipeline:
    return Pipeline(world.database, world.objects, settings, deploy_id, lambda: False)


async def deploy(world: World, deploy_id: str) -> Deploy:
    async with world.database.transaction() as work:
        return await work.session.get_one(Deploy, deploy_id)


@asynccontextmanager
async def pin_slowly(key: str, *, limit: int | None = None) -> AsyncIterator[PinnedUpload]:
    """Stands in for pinning in a slow store."""
    await asyncio.sleep(3600)
    raise AssertionError(key, limit)
    yield


def test_a_step_that_takes_too_long_ends_the_deploy_and_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        app = await make_app(world)
        slow = await order(world, app, "slow")
        with monkeypatch.context() as patched:
            patched.setattr(world.objects, "pin", pin_slowly)
            await pipeline(world, slow, world.settings.model_copy(update={"step_deadline": 1e-9})).run()
        ended = await deploy(world, slow)
        assert (ended.status, ended.error_code, ended.step, ended.version) == ("failed", "step_timed_out", "pin", None)
        assert ended.error is not None
        assert "`pin`" in ended.error
        quick = await order(world, app, "quick")
        await run(world, quick)
        assert (await deploy(world, quick)).version == 1

    world.do(go())


def test_an_unresponsive_store_delays_a_step_only_until_its_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go(seconds: float) -> None:
        app = await make_app(world)
        await run(world, await order(world, app, "one"))
        stuck = await order(world, app, "two")

        async def nothing(*_: object) -> bytes:
            await asyncio.sleep(3600)
            return b""

        with monkeypatch.context() as silent:
            for name in ("get", "put", "put_file", "adopt"):
                silent.setattr(world.objects, name, nothing)
            impatient = world.settings.model_copy(update={"step_deadline": seconds, "deploy_deadline": 10 * seconds})
            await pipeline(world, stuck, impatient).run()
        ended = await deploy(world, stuck)
        assert (ended.status, ended.error_code, ended.step) == ("failed", "step_timed_out", "ingest")

    # The earlier steps must end in time, on a busy machine too.
    at_some_pace(lambda seconds: world.do(go(seconds)), 0.5, 5, 30)


class Build(Step):
    """An additional step, as a later release may have."""

    name = "build"
    runs = 0

    def __init__(self, seconds: float, takes: float = 0.0) -> None:
        self._seconds = seconds
        self._takes = takes

    def deadline(self, settings: Settings) -> float:
        return self._seconds

    def found(self, run: Run) -> bool:
        return run.row.deploy.version is not None

    async def run(self, run: Run) -> None:
        self.runs += 1
        run.row.say("Building")
        await asyncio.sleep(self._takes)


def test_another_step_has_its_place_its_deadline_and_its_time_in_every_deploy(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        build = Build(60)
        built = await order(world, app, "built")
        steps = (*STEPS[:2], build, *STEPS[2:])
        await Pipeline(world.database, world.objects, world.settings, built, lambda: False, steps=steps).run()
        ended = await deploy(world, built)
        assert (ended.status, ended.version, build.runs) == ("complete", 1, 1)
        assert set(ended.timings) == {"queued", "total", *(step.name for step in steps)}
        slow = await order(world, app, "slow")
        steps = (*STEPS[:2], Build(0.01, takes=3600), *STEPS[2:])
        await Pipeline(world.database, world.objects, world.settings, slow, lambda: False, steps=steps).run()
        ended = await deploy(world, slow)
        assert (ended.status, ended.error_code, ended.step) == ("failed", "step_timed_out", "build")
        assert ended.version is None

    world.do(go())


def test_a_step_that_an_earlier_run_completed_is_not_repeated(world: World) -> None:
    async def go() -> None:
        # This page is tested in a thread, so its version is recorded in a separate transaction.
        interrupted = await order(world, await make_app(world), "one" * 2000)
        build = Build(60)
        steps = (*STEPS[:2], build, *STEPS[2:])
        left = 6

        def should_stop() -> bool:
            nonlocal left
            left -= 1
            return left == 0

        with pytest.raises(StopRequestedError):
            await Pipeline(world.database, world.objects, world.settings, interrupted, should_stop, steps=steps).run()
        await Pipeline(world.database, world.objects, world.settings, interrupted, should_stop, steps=steps).run()
        assert ((await deploy(world, interrupted)).status, build.runs) == ("complete", 1)

    world.do(go())


@pytest.mark.parametrize(
    ("setting", "step"), [("pin", "pin"), ("inspect", "inspect"), ("ingest", "ingest"), ("step", "record")]
)
def test_each_deadline_is_for_its_step(world: World, monkeypatch: pytest.MonkeyPatch, setting: str, step: str) -> None:
    async def go() -> None:
        if step == "pin":
            monkeypatch.setattr(world.objects, "pin", pin_slowly)
        late = await order(world, await make_app(world), setting)
        patient = dict.fromkeys(("pin_deadline", "inspect_deadline", "ingest_deadline"), 60.0)
        settings = world.settings.model_copy(update={**patient, f"{setting}_deadline": 1e-9})
        await pipeline(world, late, settings).run()
        ended = await deploy(world, late)
        assert (ended.error_code, ended.step) == ("step_timed_out", step)

    world.do(go())


async def live_but_unsaid(world: World, app: App, text: str) -> str:
    """Returns a deploy whose pointer moved half an hour ago, but whose worker ended before it could record the end."""
    deploy_id = await order(world, app, text)
    await run(world, deploy_id)
    async with world.database.transaction() as work:
        await work.sql(
            "update deploy set status = 'building', step = 'activate', finished_at = null,"
            " queued_at = queued_at - interval '30 minutes' where id = %(id)s",
            {"id": deploy_id},
        )
        await work.sql("delete from procrastinate_jobs where args ->> 'deploy_id' = %(id)s", {"id": deploy_id})
    return deploy_id


def test_a_deploy_that_is_live_at_its_deadline_is_complete(world: World) -> None:
    async def go() -> None:
        late = await live_but_unsaid(world, await make_app(world), "late")
        await pipeline(world, late, world.settings).fail(DeployTimedOutError(seconds=1, step="activate"))
        assert (await deploy(world, late)).status == "complete"

    world.do(go())


def test_a_step_that_a_stopping_worker_cannot_wait_for_is_begun_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.worker.worker.STOPPED_WITHIN", 0.1)

    async def go() -> None:
        interrupted = await order(world, await make_app(world), "interrupted")
        status = "select status::text from procrastinate_jobs where args ->> 'deploy_id' = %(id)s"

        async def job() -> str:
            async with world.database.transaction() as work:
                return str((await work.sql(status, {"id": interrupted}))[0][0])

        async with world.database.transaction() as holder:
            # The worker's first step waits for this lock.
            await holder.sql("select from deploy where id = %(id)s for update", {"id": interrupted})
            worker = DeployWorker(world.settings, world.database, world.objects, world.queue)
            running = asyncio.create_task(worker.run())
            while await job() != "doing":
                await asyncio.sleep(0.02)
            worker.stop()
            await running
        assert await job() == "todo"
        await run(world, interrupted)
        assert (await deploy(world, interrupted)).status == "complete"

    world.do(go())


def test_deploys_whose_jobs_were_lost_still_end(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        lost = await live_but_unsaid(world, app, "one")
        await sweep(world.database, world.objects, world.queue, world.settings)
        async with world.database.transaction() as work:
            jobs = "select count(*) from procrastinate_jobs where args ->> 'deploy_id' = %(id)s"
            assert await work.sql(jobs, {"id": lost}) == [(1,)]
        await run(world, lost)
        assert (await deploy(world, lost)).status == "complete"
        never = await order(world, app, "two")
        async with world.database.transaction() as work:
            await work.sql("delete from procrastinate_jobs where args ->> 'deploy_id' = %(id)s", {"id": never})
            await work.sql("update deploy set queued_at = now() - interval '1 hour' where id = %(id)s", {"id": never})
        await sweep(world.database, world.objects, world.queue, world.settings)
        assert (await deploy(world, never)).status == "failed"
        async with world.database.transaction() as work:
            production = await work.session.get_one(Environment, (app.id, "production"))
            assert production.version == 1

    world.do(go())
