"""A source is built and becomes a version. This happens once, whatever happens to builders and workers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from easel.apps.models import App
from easel.apps.service import clear_build_cache, delete_app
from easel.builds.failures import BuildFailedError
from easel.deploys.building import build_row
from easel.deploys.building import run as building
from easel.deploys.building.folders import WorkFolder
from easel.deploys.errors import BuildDeadlineError, BuildMinutesError
from easel.deploys.phases import BUILD_TASK, RUN_BUILT_TASK, RUN_TASK
from easel.deploys.service import cancel, note_build_time
from easel.storage.errors import StoreUnavailableError
from easel.worker.housekeeping.sweep import sweep
from tests.deploys.building.builder import PROJECT, Say, build, copy, jobs, order_source, seen
from tests.deploys.test_run_row import change, versions
from tests.worker.test_orphans import make_app, order, run
from tests.world import World


def test_a_source_bundle_is_built_and_becomes_a_version(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)
        row, log = await seen(world, wanted)
        assert (row.status, row.step, row.version) == ("building", "build_queued", None)
        assert log[-1] == "The zip contains the sources of a project. The deploy waits for a builder."
        assert await jobs(world, wanted) == [RUN_TASK, BUILD_TASK]
        await build(world, wanted)
        row, log = await seen(world, wanted)
        assert (row.status, row.step, row.build and row.build["sandbox"]) == ("building", "built", "unsandboxed")
        assert log[-3:] == ["Source: 2 files", "copied", "Packed 1 file, 20 bytes, as 138 bytes"]
        assert (await jobs(world, wanted))[2:] == [RUN_BUILT_TASK]
        await run(world, wanted)
        row, log = await seen(world, wanted)
        assert (row.status, row.version, row.outcome) == ("complete", 1, "moved")
        assert {"unpack", "build", "pack", "store", "pin", "activate"} <= row.timings.keys()
        assert not any("interruption" in line for line in log)
        assert row.bundle_key is not None
        assert await world.objects.head(row.bundle_key) is not None

    world.do(go())


def test_a_project_with_a_blank_page_is_built_unless_it_is_deployed_as_is(world: World) -> None:
    files = {
        "package.json": '{"devDependencies": {"vite": "7"}}',
        "index.html": '<!doctype html><script type="module" src="/main.tsx"></script>',
        "main.tsx": "<p/>",
    }

    async def as_it_is(source: Path, say: Say) -> None:
        source.joinpath("dist").mkdir()
        for name, content in files.items():
            (source / "dist" / name).write_text(content)

    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app, files)
        await run(world, wanted)
        assert (await seen(world, wanted))[0].step == "build_queued"
        await build(world, wanted, as_it_is)
        await run(world, wanted)
        assert (await seen(world, wanted))[0].version == 1
        static = await order_source(world, app, files, build_config={"preset": "static"})
        await run(world, static)
        assert (await seen(world, static))[0].version == 2

    world.do(go())


def test_the_same_output_is_the_same_bundle(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        for _ in range(2):
            wanted = await order_source(world, app)
            await run(world, wanted)
            await build(world, wanted)
            await run(world, wanted)
        first, second = await versions(world, app)
        assert (first.bundle_key, first.files_hash) == (second.bundle_key, second.files_hash)

    world.do(go())


def test_a_finished_build_is_not_repeated_by_a_second_delivery_of_its_job(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)
        await build(world, wanted)
        before, log = await seen(world, wanted)
        await build(world, wanted, _never)
        after, log_after = await seen(world, wanted)
        assert (before.attempt, before.step, log) == (after.attempt, after.step, log_after)
        assert (await jobs(world, wanted)).count(RUN_BUILT_TASK) == 1

    world.do(go())


def test_a_build_that_was_passed_on_can_still_remove_its_folder(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(building, "TELL_EVERY", 0.001)
    removed: list[Path] = []

    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)
        one_build = WorkFolder.one_build

        @asynccontextmanager
        async def slow_to_remove(work: WorkFolder) -> AsyncIterator[Path]:
            async with one_build(work) as folder:
                yield folder
                await run(world, wanted)
                removed.append(folder)

        monkeypatch.setattr(WorkFolder, "one_build", slow_to_remove)
        await build(world, wanted)
        row, _ = await seen(world, wanted)
        assert (row.status, row.version) == ("complete", 1)
        assert removed
        assert "taken it over" not in caplog.text

    world.do(go())


def test_a_workers_job_that_arrives_twice_does_not_disturb_the_builder(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)

        async def meanwhile(source: Path, say: Say) -> None:
            await run(world, wanted)
            await copy(source, say)

        await build(world, wanted, meanwhile)
        assert (await jobs(world, wanted)).count(BUILD_TASK) == 1
        await run(world, wanted)
        row, _ = await seen(world, wanted)
        assert (row.status, row.version) == ("complete", 1)

    world.do(go())


def test_a_build_of_a_builder_that_stops_is_repeated_by_another(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)
        stops = False

        async def endless(source: Path, say: Say) -> None:
            nonlocal stops
            stops = True
            await asyncio.Event().wait()

        assert await build(world, wanted, endless, should_stop=lambda: stops)
        row, _ = await seen(world, wanted)
        assert (row.status, row.built_key) == ("building", None)
        assert not await build(world, wanted)
        await run(world, wanted)
        row, log = await seen(world, wanted)
        assert (row.status, row.version) == ("complete", 1)
        assert "Continuing the deploy after an interruption (attempt 3)" in log

    world.do(go())


@pytest.mark.parametrize("ends", ["cancelled", "deleted", "taken over"])
def test_a_build_is_cancelled_once_nobody_waits_for_it(world: World, ends: str) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)
        broken_off = asyncio.Event()

        async def until_then(source: Path, say: Say) -> None:
            async with world.database.transaction() as work:
                held = await work.session.get_one(App, app.id)
                if ends == "cancelled":
                    await cancel(work, held, wanted, "tester")
                elif ends == "deleted":
                    await delete_app(work, held)
                else:
                    await work.sql("update deploy set attempt = attempt + 1 where id = %(id)s", {"id": wanted})
            try:
                await asyncio.Event().wait()
            finally:
                broken_off.set()

        await build(world, wanted, until_then)
        assert broken_off.is_set()
        row, _ = await seen(world, wanted)
        codes = {"cancelled": "deploy_cancelled", "deleted": "app_deleted", "taken over": None}
        assert (row.error_code, row.built_key) == (codes[ends], None)

    world.do(go())


def test_a_failed_build_fails_the_deploy_with_its_reason_and_its_last_lines(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_row, "MOST_LINES", 3)
    monkeypatch.setattr(build_row, "AT_ONCE", 2)

    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app, {**PROJECT, "src/.env": "A=1"})
        await run(world, wanted)

        async def loud(source: Path, say: Say) -> None:
            for number in range(300):
                say(f"line {number}")
            await copy(source, say)

        await build(world, wanted, loud)
        await run(world, wanted)
        row, log = await seen(world, wanted)
        assert (row.status, row.error_code, row.version) == ("failed", "secret_in_bundle", None)
        assert log[3:7] == ["Source: 3 files", "line 0", "line 1", "… 100 lines of the log are left out here …"]
        assert log[7:10] == ["line 102", "line 103", "line 104"]
        assert [line for line in log if line == "copied"] == ["copied"]

    world.do(go())


def test_log_lines_arrive_while_the_build_prints_them(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)

        async def printing(source: Path, say: Say) -> None:
            say("now\0")
            while (told := await seen(world, wanted))[1][-1] != "now" or told[0].step != "build":
                await asyncio.sleep(0.01)
            await copy(source, say)

        await build(world, wanted, printing)
        row, _ = await seen(world, wanted)
        assert row.step == "built"

    world.do(go())


def test_a_build_gets_the_apps_variables_its_secrets_and_the_facts_of_the_deploy(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        sealed = {"$sealed": world.vault.seal("hush hush"), "$digest": "x"}
        config = {
            "env_vars": {"PUBLIC_A": "1", "no name": "2", "CI": "0"},
            "secrets": {"TOKEN": sealed},
            "build_hosts": ["fonts.example.com", "*.com", "evil.example.net"],
        }
        async with world.database.transaction() as work:
            held = await work.session.get_one(App, app.id)
            held.published = {"build_config": config}
        wanted = await order_source(world, app, git_branch="main", build_config={"build_hosts": ["b.example.com"]})
        await run(world, wanted)
        given: dict[str, Any] = {}
        offered = ("*.example.com", "registry.example.net:8443")
        await build(world, wanted, given=given, app_build_hosts=offered)
        environment = given["environment"]
        assert environment.pop("EASEL_URL").startswith("http://")
        assert environment == {
            "PUBLIC_A": "1",
            "TOKEN": "hush hush",
            "CI": "1",
            "EASEL": "1",
            "EASEL_APP": app.slug,
            "EASEL_ENVIRONMENT": "production",
            "EASEL_DEPLOY_ID": wanted,
            "EASEL_GIT_BRANCH": "main",
        }
        assert given["secrets"] == ("hush hush",)
        assert given["settings"].build_hosts == ("fonts.example.com", "b.example.com")
        _, log = await seen(world, wanted)
        assert "Note: the variable `no name` is not passed to the build: the name is not valid." in log
        notes = [line for line in log if "EASEL_APP_BUILD_HOSTS" in line]
        assert ["`*.com`" in notes[0], "`evil.example.net`" in notes[1], len(notes)] == [True, True, 2]

    world.do(go())


def test_a_finished_build_is_stored_again_and_not_repeated_after_an_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)
        built, left = 0, 2
        original = world.objects.put_file

        async def put_file(key: str, path: Path) -> None:
            nonlocal left
            left -= 1
            if left >= 0:
                raise StoreUnavailableError(reason="away")
            await original(key, path)

        async def once(source: Path, say: Say) -> None:
            nonlocal built
            built += 1
            await copy(source, say)

        monkeypatch.setattr(world.objects, "put_file", put_file)
        monkeypatch.setattr("easel.deploys.building.run.LONGEST_PAUSE", 0.01)
        await build(world, wanted, once)
        row, _ = await seen(world, wanted)
        assert (row.step, built, left) == ("built", 1, -1)

    world.do(go())


@pytest.mark.parametrize("trouble", [None, BuildDeadlineError(seconds=1, step="store"), OSError("full")])
def test_a_deploy_is_live_before_the_caches_of_its_build_are_saved(world: World, trouble: Exception | None) -> None:
    async def go() -> None:
        wanted = await order_source(world, await make_app(world))
        await run(world, wanted)

        async def afterwards() -> None:
            await run(world, wanted)
            assert (await seen(world, wanted))[0].outcome == "moved"
            if trouble is not None:
                raise trouble

        with suppress(OSError):
            await build(world, wanted, afterwards=afterwards)
        row, log = await seen(world, wanted)
        assert (row.status, row.outcome) == ("complete", "moved")
        assert not any("failed" in line for line in log)

    world.do(go())


def test_a_zip_is_deployed_while_an_older_source_is_built_and_stays_live(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        source = await order_source(world, app)
        await run(world, source)
        zipped = await order(world, app, "later")
        await run(world, zipped)
        await build(world, source)
        await run(world, source)
        assert [(await seen(world, one))[0].outcome for one in (source, zipped)] == ["overtaken", "moved"]

    world.do(go())


def test_a_deploy_that_waits_for_its_build_does_not_count_as_abandoned(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)
        await change(world, "delete from procrastinate_jobs where task_name = %(task)s", task=RUN_TASK)
        for following in (lambda: build(world, wanted), lambda: run(world, wanted)):
            old = {"by": timedelta(days=3), "app": app.id}
            await change(world, "update deploy set queued_at = queued_at - %(by)s where app_id = %(app)s", **old)
            await change(world, "update upload set created_at = created_at - %(by)s where app_id = %(app)s", **old)
            await sweep(world.database, world.objects, world.queue, world.settings)
            await following()
        row, _ = await seen(world, wanted)
        assert (row.status, row.version) == ("complete", 1)

    world.do(go())


def test_a_source_bundle_is_refused_with_advice_while_builds_are_off(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        before, world.settings = world.settings, world.settings.model_copy(update={"builds": "off"})
        try:
            await run(world, wanted)
        finally:
            world.settings = before
        row, _ = await seen(world, wanted)
        assert (row.status, row.error_code) == ("failed", "source_build_unsupported")
        assert row.error is not None
        assert "EASEL_BUILDS=sandboxed" in row.error
        assert "`package.json`, and no index.html at its root" in row.error

    world.do(go())


def test_a_build_that_kills_its_builders_is_given_up(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app)
        await run(world, wanted)
        await build(world, wanted, _never, attempts=20)
        row, _ = await seen(world, wanted)
        assert (row.status, row.error_code) == ("failed", "build_given_up")

    world.do(go())


def test_more_deploys_that_are_to_be_built_than_an_organisation_may_have_are_refused(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        before, world.settings = world.settings, world.settings.model_copy(update={"max_waiting_builds": 1})
        try:
            first, second = await order_source(world, app), await order_source(world, app)
            await run(world, first)
            await run(world, second)
        finally:
            world.settings = before
        row, _ = await seen(world, second)
        assert (row.status, row.error_code) == ("failed", "waiting_builds_limit_reached")

    world.do(go())


def test_the_status_of_a_failed_build_names_its_tools_and_the_hosts_that_it_could_not_reach(world: World) -> None:
    async def go() -> None:
        wanted = await order_source(world, await make_app(world), build=True)
        given: dict[str, Any] = {}

        async def fails(source: Path, say: Say) -> None:
            given["report"].framework = "next"
            given["report"].refused_hosts.append("fonts.example.com")
            raise BuildFailedError()

        await build(world, wanted, fails, given=given)
        row, _ = await seen(world, wanted)
        assert row.status == "failed"
        assert row.build is not None
        assert (row.build["sandbox"], row.build["framework"]) == ("unsandboxed", "next")
        assert row.build["refused_hosts"] == ["fonts.example.com"]

    world.do(go())


def test_the_status_lists_a_refused_host_while_the_build_runs_and_after_a_cancel(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app, build=True)
        given: dict[str, Any] = {}
        shown: list[Any] = []

        async def hangs(source: Path, say: Say) -> None:
            given["report"].refused_hosts.append("packages.example.com")
            say("The connection to packages.example.com was refused.")
            async with asyncio.timeout(60):
                while not shown:
                    row, log = await seen(world, wanted)
                    if row.build is not None and row.build.get("refused_hosts"):
                        shown.append((row.status, row.build["refused_hosts"], log[-1]))
            async with world.database.transaction() as work:
                await cancel(work, await work.session.get_one(App, app.id), wanted, "tester")
            await asyncio.Event().wait()

        await build(world, wanted, hangs, given=given)
        refused = ["packages.example.com"]
        assert shown == [("building", refused, "The connection to packages.example.com was refused.")]
        row, _ = await seen(world, wanted)
        assert row.build is not None
        assert row.build["refused_hosts"] == refused

    world.do(go())


def test_builds_of_an_organisation_take_so_many_minutes_in_a_day(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app, build=True)

        async def fails(source: Path, say: Say) -> None:
            raise BuildFailedError()

        await build(world, wanted, fails)
        ((took,),) = await world.database.statement(
            "select milliseconds from build_usage where org_id = %(org)s", {"org": app.org_id}
        )
        # The build failed, but its time counts.
        assert took > 0
        await note_build_time(world.database, app.org_id, 60)
        before, world.settings = world.settings, world.settings.model_copy(update={"build_minutes_per_day": 2})
        try:
            await order_source(world, app, build=True)
            await note_build_time(world.database, app.org_id, 60)
            with pytest.raises(BuildMinutesError, match="have taken 2 minutes today; the limit is 2") as refused:
                await order_source(world, app, build=True)
            assert 0 < refused.value.details["retry_after_seconds"] <= 86400
            # Deploys that need no build are accepted, and other organisations can build.
            await order_source(world, app)
            await order_source(world, await make_app(world), build=True)
        finally:
            world.settings = before

    world.do(go())


def test_a_builds_minutes_count_while_it_runs_so_that_a_killed_builder_loses_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        app = await make_app(world)
        wanted = await order_source(world, app, build=True)

        async def took() -> int:
            query = "select coalesce(sum(milliseconds), 0) from build_usage where org_id = %(org)s"
            ((milliseconds,),) = await world.database.statement(query, {"org": app.org_id})
            return int(milliseconds)

        async def waits(source: Path, say: Say) -> None:
            async with asyncio.timeout(60):
                while not await took():
                    await asyncio.sleep(0.01)
            raise BuildFailedError()

        monkeypatch.setattr("easel.deploys.building.run.COUNT_EVERY", 0.05)
        began = time.monotonic()
        await build(world, wanted, waits)
        # No part of the time counts twice.
        assert 0 < await took() <= (time.monotonic() - began) * 1000 + 1

    world.do(go())


async def _never(source: Path, say: Say) -> None:
    raise AssertionError("it was built again")


def test_a_build_uses_the_cache_of_its_app_and_environment_unless_it_is_cleared_or_turned_off(
    world: World,
) -> None:
    async def go() -> None:
        app = await make_app(world)
        seen: list[tuple[str, str, int, bool]] = []
        for settings in (None, {"no_cache": True}):
            wanted = await order_source(world, app, build_config=settings)
            await run(world, wanted)
            given: dict[str, Any] = {}
            await build(world, wanted, given=given)
            cache = given["cache"]
            seen.append((cache.app_id, cache.environment, cache.generation, cache.reading))
            async with world.database.transaction() as work:
                clear_build_cache(await work.session.get_one(App, app.id))
        assert seen == [(app.id, "production", 0, True), (app.id, "production", 1, False)]

    world.do(go())
