"""A deploy's row during one run. The row is written as a whole, and only by the run that the deploy belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any, LiteralString

import pytest
from sqlalchemy import select

from easel.apps.models import App
from easel.deploys.models import Deploy, DeployLogLine
from easel.deploys.pipeline import Pipeline
from easel.deploys.run_row import RunRow
from easel.deploys.service import cancel
from easel.deploys.steps.activate import Activate
from easel.deploys.steps.record import Record
from easel.deploys.steps.smoke_test import SmokeTest
from easel.environments.models import Environment
from easel.errors import ServiceUnavailableError
from easel.versions.models import Version
from testbed.waiting import at_some_pace
from tests.worker.test_orphans import make_app, order, run
from tests.world import World

Happens = Callable[[World, App, str], Awaitable[None]]


async def deploy(world: World, deploy_id: str) -> tuple[Deploy, list[str]]:
    """Returns the deploy, and its log."""
    async with world.database.transaction() as work:
        lines = await work.session.scalars(
            select(DeployLogLine.line).where(DeployLogLine.deploy_id == deploy_id).order_by(DeployLogLine.seq)
        )
        return await work.session.get_one(Deploy, deploy_id), list(lines)


async def versions(world: World, app: App) -> list[Version]:
    async with world.database.transaction() as work:
        return list(
            await work.session.scalars(select(Version).where(Version.app_id == app.id).order_by(Version.number))
        )


async def asked(world: World, statement: LiteralString, **arguments: Any) -> list[tuple[Any, ...]]:
    async with world.database.transaction() as work:
        return await work.sql(statement, arguments)


async def change(world: World, statement: LiteralString, **arguments: Any) -> None:
    await asked(world, statement, **arguments)


WHERE: dict[str, tuple[type, str]] = {
    "record": (Record, "run"),
    "smoke_test": (SmokeTest, "run"),
    "activate": (Activate, "run"),
    "complete": (Pipeline, "_complete"),
}


def before(monkeypatch: pytest.MonkeyPatch, step: str, happens: Callable[[], Awaitable[None]]) -> None:
    """Makes something happen once, when a run is about to enter the transaction of a step."""
    left = [happens]
    owner, method = WHERE[step]
    original = getattr(owner, method)

    async def stepped(self: Any, *arguments: Any) -> Any:
        if left:
            await left.pop()()
        return await original(self, *arguments)

    monkeypatch.setattr(owner, method, stepped)


def pause(monkeypatch: pytest.MonkeyPatch, step: str) -> tuple[asyncio.Event, asyncio.Event]:
    """Stops a run until the test lets it continue: the first run that is about to enter the transaction of a step.
    Returns an event that is set when the run has stopped, and an event that lets the run continue."""
    waits, may_go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        waits.set()
        await may_go_on.wait()

    before(monkeypatch, step, wait)
    return waits, may_go_on


STEPS = ("record", "activate", "complete")
LONG = " long" * 1000
"""The text of a page that is tested in a thread, so that its version is recorded in a separate transaction."""


@pytest.mark.parametrize("step", STEPS)
def test_a_run_whose_deploy_was_taken_over_changes_nothing_more(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async def go() -> None:
        app = await make_app(world)
        stale = await order(world, app, step + LONG)
        seen: list[tuple[Deploy, list[str], list[int], list[int | None]]] = []

        async def state() -> tuple[Deploy, list[str], list[int], list[int | None]]:
            row, log = await deploy(world, stale)
            async with world.database.transaction() as work:
                live = await work.session.scalars(select(Environment.version).where(Environment.app_id == app.id))
                return row, log, [version.number for version in await versions(world, app)], list(live)

        async def take_over() -> None:
            await run(world, stale)
            seen.append(await state())

        before(monkeypatch, step, take_over)
        await run(world, stale)
        after = await state()
        assert seen[0][0].status == "complete"
        assert seen[0][1:] == after[1:]
        for name in ("status", "attempt", "version", "outcome", "finished_at", "timings"):
            assert getattr(seen[0][0], name) == getattr(after[0], name), name

    world.do(go())


@pytest.mark.parametrize("step", STEPS)
def test_a_run_changes_nothing_after_another_run_has_begun(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async def go() -> None:
        app = await make_app(world)
        stale = await order(world, app, step + LONG)

        async def begin() -> None:
            await run(world, stale, borders=0)

        before(monkeypatch, step, begin)
        await run(world, stale)
        row, log = await deploy(world, stale)
        assert (row.status, row.attempt, row.step) == ("building", 2, "start")
        assert log[-1] == "Continuing the deploy after an interruption (attempt 2)"
        await run(world, stale)
        row, log = await deploy(world, stale)
        assert (row.status, row.attempt, row.version) == ("complete", 3, 1)
        assert log.count("Recorded version 1") == 1

    world.do(go())


@pytest.mark.parametrize(
    ("step", "following", "outcome"), [("record", "smoke_test", None), ("activate", "complete", "moved")]
)
def test_a_run_that_takes_over_a_deploy_keeps_the_last_change_of_the_previous_run(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, following: str, outcome: str | None
) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order(world, app, step + LONG)
        waits, may_go_on = pause(monkeypatch, step)
        has_written, may_end = pause(monkeypatch, following)
        first = asyncio.create_task(run(world, wanted))
        await waits.wait()
        original = RunRow._write

        async def write(self: RunRow, *arguments: Any) -> None:
            if self.deploy.step == "start":
                # The row has already been read, and this write is based on what was read.
                may_go_on.set()
                await has_written.wait()
            await original(self, *arguments)

        with monkeypatch.context() as patched:
            patched.setattr(RunRow, "_write", write)
            await run(world, wanted, borders=0)
        row, _ = await deploy(world, wanted)
        assert (row.attempt, row.step, row.version, row.outcome) == (2, "start", 1, outcome)
        may_end.set()
        await first
        await run(world, wanted)
        row, log = await deploy(world, wanted)
        assert (row.status, row.attempt, row.version, row.outcome) == ("complete", 3, 1, "moved")
        assert [version.number for version in await versions(world, app)] == [1]
        assert log.count("Recorded version 1") == 1

    world.do(go())


@pytest.mark.parametrize("taken", [True, False])
def test_a_run_that_times_out_before_its_claim_ends_only_an_unclaimed_deploy(
    world: World, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    async def go(seconds: float) -> None:
        app = await make_app(world)
        wanted = await order(world, app, "one")
        original, writes = RunRow._write, 0

        async def write(self: RunRow, *arguments: Any) -> None:
            nonlocal writes
            writes += 1
            if writes == 1:
                if taken:
                    await run(world, wanted, borders=0)
                await asyncio.sleep(3600)
            await original(self, *arguments)

        impatient = world.settings.model_copy(update={"deploy_deadline": seconds})
        with monkeypatch.context() as patched:
            patched.setattr(RunRow, "_write", write)
            await Pipeline(world.database, world.objects, impatient, wanted, lambda: False).run()
        row, _ = await deploy(world, wanted)
        if not taken:
            assert (row.status, row.error_code, row.attempt) == ("failed", "deploy_timed_out", 0)
            return
        assert (row.status, row.attempt) == ("building", 1)
        await run(world, wanted)
        row, _ = await deploy(world, wanted)
        assert (row.status, row.attempt, row.version) == ("complete", 2, 1)

    # The other run must begin in time, on a busy machine too.
    at_some_pace(lambda seconds: world.do(go(seconds)), 0.5, 5, 30)


def test_a_run_that_takes_over_a_deploy_waits_for_the_commit_of_the_previous_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order(world, app, LONG)
        original, written = RunRow._write, asyncio.Event()

        async def write(self: RunRow, *arguments: Any) -> None:
            await original(self, *arguments)
            if self.deploy.step == "record" and not written.is_set():
                written.set()
                # Waits until the statement of the other run waits for this transaction.
                while not await world.database.statement("select 1 from pg_locks where not granted", {}):
                    await asyncio.sleep(0.01)

        monkeypatch.setattr(RunRow, "_write", write)
        first = asyncio.create_task(run(world, wanted, borders=4))
        await written.wait()
        await run(world, wanted)
        await first
        row, log = await deploy(world, wanted)
        assert (row.status, row.attempt, row.version) == ("complete", 2, 1)
        assert [version.number for version in await versions(world, app)] == [1]
        assert log.count("Recorded version 1") == 1

    world.do(go())


@pytest.mark.parametrize("step", STEPS[:2])
def test_a_deploy_that_is_cancelled_leaves_neither_version_nor_pointer_behind(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async def go() -> None:
        app = await make_app(world)
        cancelled = await order(world, app, step + LONG)

        async def cancelling() -> None:
            async with world.database.transaction() as work:
                await cancel(work, app, cancelled, "tester")

        before(monkeypatch, step, cancelling)
        await run(world, cancelled)
        row, log = await deploy(world, cancelled)
        assert (row.status, row.error_code) == ("failed", "deploy_cancelled")
        assert log[-1].startswith("Deploy failed: ")
        assert len(await versions(world, app)) == (0 if step == "record" else 1)
        async with world.database.transaction() as work:
            production = await work.session.get_one(Environment, (app.id, "production"))
        assert production.version is None
        # The next version gets the unused number.
        await run(world, await order(world, app, "next"))
        assert [version.number for version in await versions(world, app)] == list(range(1, 2 + (step != "record")))

    world.do(go())


def test_the_version_of_a_small_page_is_recorded_and_live_at_one_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order(world, app, "one")
        seen: list[tuple[int, str | None, int | None]] = []

        async def look() -> None:
            row, _ = await deploy(world, wanted)
            seen.append((len(await versions(world, app)), row.step, row.version))

        before(monkeypatch, "activate", look)
        await run(world, wanted)
        assert seen == [(0, "start", None)]
        row, log = await deploy(world, wanted)
        assert (row.status, row.version, row.outcome) == ("complete", 1, "moved")
        assert {"record", "smoke_test", "activate"} <= row.timings.keys()
        assert [line.split(" ")[0] for line in log[-3:]] == ["Recorded", "Smoke", "Deploy"]

    world.do(go())


@pytest.mark.parametrize("trouble", ["cancelled", "taken over", "lost"])
def test_a_small_page_whose_run_ends_before_its_pointer_has_moved_leaves_no_version(
    world: World, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    async def go() -> None:
        app = await make_app(world)
        ended = await order(world, app, "one")

        async def happens() -> None:
            if trouble == "cancelled":
                async with world.database.transaction() as work:
                    await cancel(work, app, ended, "tester")
            elif trouble == "taken over":
                await run(world, ended, borders=0)
            else:
                raise ServiceUnavailableError

        before(monkeypatch, "activate", happens)
        with pytest.raises(ServiceUnavailableError) if trouble == "lost" else nullcontext():
            await run(world, ended)
        assert await versions(world, app) == []
        row, log = await deploy(world, ended)
        assert not any(line.startswith("Recorded") for line in log)
        # The next deploy, or another run of this deploy, gets the unused number.
        await run(world, ended if row.status == "building" else await order(world, app, "next"))
        assert [version.number for version in await versions(world, app)] == [1]

    world.do(go())


def test_a_version_that_fails_its_smoke_test_is_recorded_with_the_failure(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        broken = await order(world, app, "<script type=module src=/gone.js></script>")
        await run(world, broken)
        row, log = await deploy(world, broken)
        assert (row.status, row.error_code, row.version, row.step) == ("failed", "smoke_test_failed", 1, "smoke_test")
        assert [version.number for version in await versions(world, app)] == [1]
        assert "Recorded version 1" in log
        assert row.smoke_test is not None

    world.do(go())


def test_a_version_has_the_configuration_that_is_published_when_it_is_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        app = await make_app(world)
        one = await order(world, app, "one")

        async def publish() -> None:
            await change(
                world,
                """update app set published = '{"meta": {"title": "new"}, "seo": {"a": 0.1234567890123456789}}',"""
                " published_version = 7 where id = %(app)s",
                app=app.id,
            )

        before(monkeypatch, "record", publish)
        await run(world, one)
        (version,) = await versions(world, app)
        configurations = await asked(world, "select config from configuration where app_id = %(app)s", app=app.id)
        assert configurations == [({"meta": {"title": "new"}, "seo": {"a": 0.12345678901234568}},)]
        assert (version.number, version.config_version) == (1, 7)
        row, log = await deploy(world, one)
        assert row.status == "complete"
        assert log.count("Recorded version 1") == 1

    world.do(go())


def test_a_deploy_whose_app_is_deleted_fails_with_that_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        app = await make_app(world)
        orphaned = await order(world, app, "one")

        async def delete() -> None:
            await change(world, "update app set deleted_at = now() where id = %(app)s", app=app.id)

        before(monkeypatch, "record", delete)
        await run(world, orphaned)
        row, _ = await deploy(world, orphaned)
        assert (row.status, row.error_code) == ("failed", "app_deleted")
        assert await versions(world, app) == []

    world.do(go())


def test_lines_before_a_failed_transaction_are_written_later_and_its_own_lines_are_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        app = await make_app(world)
        refused = await order(world, app, LONG)
        original = RunRow._write

        async def write(self: RunRow, *arguments: Any) -> None:
            await original(self, *arguments)
            if self.deploy.step == "record":
                raise ValueError("nobody foresaw this")

        with monkeypatch.context() as patched:
            patched.setattr(RunRow, "_write", write)
            pipeline = Pipeline(world.database, world.objects, world.settings, refused, lambda: False)
            with pytest.raises(ValueError, match="nobody foresaw this") as caught:
                await pipeline.run()
        await pipeline.fail_unexpectedly(caught.value)
        row, log = await deploy(world, refused)
        assert (row.status, row.version) == ("failed", None)
        assert await versions(world, app) == []
        assert log[0] == "Deploying to production"
        assert any(line.startswith("Checked and indexed 1 file") for line in log)
        assert not any(line.startswith("Recorded") for line in log)
        assert log[-1].startswith("Deploy failed: ")

    world.do(go())


def test_the_later_of_two_runs_owns_the_deploy(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order(world, app, "one")
        await asyncio.gather(*(run(world, wanted) for _ in range(4)))
        row, log = await deploy(world, wanted)
        # A run that was taken over may have recorded the version without moving the pointer.
        assert row.status == "complete"
        assert [version.number for version in await versions(world, app)] == [1]
        assert log.count("Recorded version 1") == 1
        assert sum(line.startswith("Deploy complete!") for line in log) == 1
        assert row.attempt == sum(line.startswith(("Deploying", "Continuing")) for line in log)

    world.do(go())
