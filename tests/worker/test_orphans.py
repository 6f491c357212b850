"""Objects without a reference are removed, and no other objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import pytest

from easel.access.service import Subject, create_organisation
from easel.apps.models import App
from easel.apps.schemas import CreateAppRequest
from easel.deploys.pipeline import Pipeline
from easel.deploys.run_row import StopRequestedError
from easel.deploys.service import DeployOrder, accept, cancel
from easel.releases.create import create_app
from easel.storage.object_names import app_prefix
from easel.uploads.service import issue_upload
from easel.worker.housekeeping.orphans import sweep_orphans
from testbed.running import zip_of
from tests.world import World

NOW = timedelta(0)


async def make_app(world: World) -> App:
    async with world.database.transaction() as work:
        organisation = await create_organisation(work, "tests")
        caller = Subject("key_x", organisation.id, "tests", "admin", None)
        request = CreateAppRequest.model_validate({"slug": f"o-{organisation.id[4:]}x", "meta": {"title": "orphans"}})
        return await create_app(work, world.vault, caller, request, max_apps=None, namespace=None, reserved_for=0)


def caller_of(app: App) -> Subject:
    """Returns a subject with all scopes in the app's organisation."""
    return Subject("key_x", app.org_id, "tests", "admin", None)


async def order(world: World, app: App, text: str, files: Mapping[str, str] = MappingProxyType({})) -> str:
    async with world.database.transaction() as work:
        upload = await issue_upload(work, app, "x.zip", "application/zip")
        await world.objects.put(upload.key, zip_of({"index.html": f"<!doctype html>{text}", **files}))
        held = await work.session.get_one(App, app.id)
        wanted = DeployOrder("production", "m", "cli_upload", upload.key, {"a.txt": text}, None, None, None)
        return (await accept(work, world.objects, world.queue, world.settings, held, wanted, "tester")).id


async def run(world: World, deploy_id: str, *, borders: int | None = None) -> None:
    """Runs a deploy to its end, or up to a point between two steps."""
    left = borders

    def should_stop() -> bool:
        nonlocal left
        if left is not None:
            left -= 1
        return left is not None and left < 0

    pipeline = Pipeline(world.database, world.objects, world.settings, deploy_id, should_stop)
    try:
        await pipeline.run()
    except StopRequestedError:
        assert borders is not None


async def stored(world: World, app: App) -> set[str]:
    return {info.key async for info in world.objects.keys(app_prefix(app.id))}


def test_the_objects_of_a_cancelled_deploy_are_removed_after_its_end(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        # Objects that remain from other tests must not count.
        await sweep_orphans(world.database, world.objects, grace=NOW)
        await run(world, await order(world, app, "one"))
        kept = await stored(world, app)
        assert len(kept) == 3
        # The run stops before its version is recorded. Bundle, manifest and sources exist at that moment.
        second = await order(world, app, "two")
        await run(world, second, borders=3)
        assert len(await stored(world, app)) == 6
        assert await sweep_orphans(world.database, world.objects, grace=NOW) == 0
        async with world.database.transaction() as work:
            await cancel(work, app, second, "tester")
        assert await sweep_orphans(world.database, world.objects) == 0
        assert await sweep_orphans(world.database, world.objects, grace=NOW) == 3
        assert await stored(world, app) == kept

    world.do(go())


def test_the_lock_on_an_apps_row_is_released_between_removals(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easel.worker.housekeeping.orphans.HELD_FOR", -1)

    async def go() -> None:
        app = await make_app(world)
        await run(world, await order(world, app, "one"))
        kept = await stored(world, app)
        for number in range(4):
            await world.objects.put(f"apps/{app.id}/bundles/{number}.zip", b"x")
        await sweep_orphans(world.database, world.objects, grace=NOW)
        assert await stored(world, app) == kept

    world.do(go())


def test_objects_of_apps_that_this_database_does_not_know_are_left_alone(world: World) -> None:
    async def go() -> None:
        key = "apps/app_of_another_easel/bundles/x.zip"
        await world.objects.put(key, b"x")
        await sweep_orphans(world.database, world.objects, grace=NOW)
        assert await world.objects.head(key) is not None

    world.do(go())
