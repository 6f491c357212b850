"""A builder's run in a test: all parts are real, except the build's commands if a test supplies its own."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import select

from easel.apps.models import App
from easel.builds.detect.models import Plan
from easel.builds.report import BuildReport, BuildResult
from easel.builds.sandbox.sandbox import Sandbox
from easel.deploys.building.folders import WorkFolder
from easel.deploys.building.parts import BuilderServices
from easel.deploys.building.run import BuildRun
from easel.deploys.models import Deploy, DeployLogLine
from easel.deploys.run_row import StopRequestedError
from easel.deploys.service import DeployOrder, accept
from easel.uploads.service import issue_upload
from testbed.running import zip_of
from tests.world import World

PROJECT = {"package.json": '{"scripts": {"build": "cp -r src dist"}}', "src/index.html": "<!doctype html>built"}
PLAN = Plan("", None, "none", None, None, None, None, ("dist",))

Say = Callable[[str], None]
Commands = Callable[[Path, Say], Awaitable[None]]
Deliver = Callable[[BuildResult], Awaitable[None]]


async def copy(source: Path, say: Say) -> None:
    """Copies the sources to the output, in place of the project's build."""
    shutil.copytree(source / "src", source / "dist")
    say("copied")


async def nothing() -> None:
    """Saves no caches."""


async def order_source(world: World, app: App, files: dict[str, str] | None = None, **fields: Any) -> str:
    """Requests a deploy of a zip of sources, and returns its id."""
    async with world.database.transaction() as work:
        upload = await issue_upload(work, app, "x.zip", "application/zip")
        await world.objects.put(upload.key, zip_of(files or PROJECT))
        held = await work.session.get_one(App, app.id)
        wanted = DeployOrder("production", "m", "cli_upload", upload.key, None, None, None, None, **fields)
        return (await accept(work, world.objects, world.queue, world.settings, held, wanted, "tester")).id


async def build(
    world: World,
    deploy_id: str,
    commands: Commands = copy,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    attempts: int = 0,
    given: dict[str, Any] | None = None,
    afterwards: Callable[[], Awaitable[None]] = nothing,
    **settings: Any,
) -> bool:
    """Runs a builder once. Returns true if a stop interrupted the run. `given` receives the arguments of the build.
    `afterwards` is called when a build saves its caches."""

    async def run_commands(
        sandbox: Any, source: Path, *_: object, say: Say, begin: Say, deliver: Deliver, **named: Any
    ) -> BuildResult:
        begin("build")
        if given is not None:
            given.update(named)
        await commands(source, say)
        result = BuildResult(source / "dist", PLAN, BuildReport(sandbox.kind))
        await deliver(result)
        await afterwards()
        return result

    def none() -> Sandbox:
        # The commands are this module's own, so they need no sandbox.
        return cast("Sandbox", SimpleNamespace(kind="unsandboxed"))

    own = world.settings.model_copy(update=settings)
    work = WorkFolder.made(own)
    try:
        parts = BuilderServices(world.database, world.objects, own, world.vault, work)
        await BuildRun(parts, deploy_id, should_stop, none, build=run_commands).run(attempts)
    except StopRequestedError:
        return True
    finally:
        work.remove()
    return False


async def seen(world: World, deploy_id: str) -> tuple[Deploy, list[str]]:
    """Returns the deploy, and its log."""
    async with world.database.transaction() as work:
        lines = await work.session.scalars(
            select(DeployLogLine.line).where(DeployLogLine.deploy_id == deploy_id).order_by(DeployLogLine.seq)
        )
        return await work.session.get_one(Deploy, deploy_id), list(lines)


async def jobs(world: World, deploy_id: str) -> list[str]:
    """Returns the tasks of the deploy's jobs, in order."""
    rows = await world.database.statement(
        "select task_name from procrastinate_jobs where args ->> 'deploy_id' = %(id)s order by id", {"id": deploy_id}
    )
    return [name for (name,) in rows]
