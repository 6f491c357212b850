"""Changes during a verification are no faults, and faults outside the store are reported differently."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from easel import clock
from easel.apps.models import App
from easel.backups import audit as verifying
from easel.backups.audit import AuditResult, Fault, verify
from easel.storage.errors import ObjectMissingError
from easel.storage.folder import FolderObjects
from easel.storage.object_names import app_prefix, hash_in
from easel.versions.pruning import Policy, prune_app
from easel.worker.housekeeping.optimise import optimise
from easel.worker.housekeeping.orphans import sweep_orphans
from tests.worker.test_orphans import make_app, order, run, stored
from tests.world import World

SCRIPT = "".join(f"export const value{n} = {n};\n" for n in range(500))


class Meanwhile(FolderObjects):
    """The folder store with a change during its use: something happens when an object whose name contains `at` is first
    requested."""

    def __init__(self, world: World, at: str = "", happens: Callable[[], Awaitable[None]] | None = None) -> None:
        super().__init__(world.settings.objects_dir, world.settings.scratch_dir)
        self.at = at
        self.happens = happens

    async def pieces(self, key: str) -> AsyncIterator[bytes]:
        if self.happens is not None and self.at in key:
            happens, self.happens = self.happens, None
            await happens()
        async for piece in super().pieces(key):
            yield piece


async def app_with(world: World, *texts: str) -> App:
    app = await make_app(world)
    for text in texts:
        await run(world, await order(world, app, text, {"app.js": SCRIPT}))
    return app


async def column(world: World, app: App, name: str, number: int) -> str:
    async with world.database.transaction() as work:
        version = {"app": app.id, "number": number}
        rows = await work.sql(
            "select manifest_key, bundle_key from version where app_id = %(app)s and number = %(number)s", version
        )
    return str(rows[0][("manifest_key", "bundle_key").index(name)])


async def look(world: World, app: App, objects: FolderObjects | None = None) -> tuple[AuditResult, list[Fault]]:
    heard: list[Fault] = []
    store = objects or world.objects
    made = await verify(world.url, store, named=app.slug, say=lambda text: None, found=heard.append)
    assert sorted(fault.key for fault in heard) == sorted(fault.key for fault in made.faults)
    return made, made.faults


def test_an_app_that_is_deleted_during_the_run_is_not_a_fault(world: World) -> None:
    async def go() -> None:
        app = await app_with(world, "one", "two")

        async def delete() -> None:
            async with world.database.transaction() as work:
                (await work.session.get_one(App, app.id)).deleted_at = clock.now()
            for key in await stored(world, app):
                await world.objects.delete(key)

        made, faults = await look(world, app, Meanwhile(world, app_prefix(app.id), delete))
        assert faults == []
        assert made.objects < 6

    world.do(go())


def test_a_version_that_is_pruned_during_the_run_is_not_a_fault(world: World) -> None:
    async def go() -> None:
        app = await app_with(world, "one", "two", "three")
        bundle = await column(world, app, "bundle_key", 1)

        async def prune() -> None:
            assert await prune_app(world.database, Policy(count=1, age=None, skew=0), app.id) == [1]
            await sweep_orphans(world.database, world.objects, grace=timedelta(0))
            assert await world.objects.head(bundle) is None

        made, faults = await look(world, app, Meanwhile(world, bundle, prune))
        # Two bundles, all manifests and all sources.
        assert (made.objects, faults) == (8, [])

    world.do(go())


def test_an_object_that_is_restored_during_the_run_is_no_fault(world: World) -> None:
    async def go() -> None:
        app = await app_with(world, "one")
        bundle = await column(world, app, "bundle_key", 1)
        data = await world.objects.get(bundle)
        await world.objects.delete(bundle)
        _, (fault,) = await look(world, app)
        assert (fault.key, fault.what, fault.environments, fault.versions) == (bundle, "missing", ["production"], [1])

        class Late(Meanwhile):
            async def pieces(self, key: str) -> AsyncIterator[bytes]:
                try:
                    async for piece in super().pieces(key):
                        yield piece
                except ObjectMissingError:
                    await world.objects.put(bundle, data)
                    raise

        made, faults = await look(world, app, Late(world))
        assert (made.objects, faults) == (3, [])

    world.do(go())


def test_a_version_that_goes_live_during_the_run_is_read_once_and_reported_once(world: World) -> None:
    async def go() -> None:
        app = await app_with(world, "one", "two")
        first = await column(world, app, "bundle_key", 1)
        await world.objects.put(first, b"damaged")

        async def move() -> None:
            async with world.database.transaction() as work:
                await work.sql(
                    "update environment set version = 1, moved_at = clock_timestamp() where app_id = %(app)s"
                    " and name = 'production' returning 1",
                    {"app": app.id},
                )

        made, (fault,) = await look(world, app, Meanwhile(world, await column(world, app, "bundle_key", 2), move))
        assert (fault.key, fault.what, fault.environments) == (first, "damaged", ["production"])
        assert made.objects == 6

    world.do(go())


def test_variants_are_compared_with_their_original_files(world: World) -> None:
    async def go() -> None:
        app = await app_with(world, "one")
        manifest = await column(world, app, "manifest_key", 1)
        await optimise(world.database, world.objects, app.id, hash_in(manifest), lambda: False)
        made, faults = await look(world, app)
        assert (made.objects, faults) == (4, [])
        (variants,) = [key for key in await stored(world, app) if "/variants/" in key]
        data = bytearray(await world.objects.get(variants))
        data[-20] ^= 1
        await world.objects.put(variants, bytes(data))
        _, (fault,) = await look(world, app)
        assert (fault.key, fault.what, fault.environments) == (variants, "damaged", ["production"])

    world.do(go())


@pytest.mark.parametrize("key", ["abcd", "", "apps", "apps/x/bundles/none.zip"])
def test_a_malformed_object_name_is_recognised(world: World, key: str) -> None:
    async def go() -> None:
        app = await app_with(world, "one")
        async with world.database.transaction() as work:
            await work.sql(
                "insert into version (app_id, number, org_id, kind, environment, manifest_key, config, config_hash,"
                " content_hash, file_count, total_bytes, deployed_at) values (%(app)s, 9, %(org)s, 'deploy',"
                " 'production', %(key)s, '{}', '', '', 1, 1, now()) returning 1",
                {"app": app.id, "org": app.org_id, "key": key},
            )
        _, (fault,) = await look(world, app)
        assert (fault.key, fault.what, fault.versions) == (key, "misnamed", [9])

    world.do(go())


def test_an_object_that_cannot_be_read_is_named_and_the_others_are_read(world: World) -> None:
    async def go() -> None:
        app = await app_with(world, "one")
        bundle = await column(world, app, "bundle_key", 1)
        path = world.objects.local_path(bundle)
        assert path is not None
        path.unlink()
        # A bad disk is the only other way to test this for a user who may read everything.
        path.symlink_to(path.name)
        made, (fault,) = await look(world, app)
        assert (fault.key, fault.what, made.objects) == (bundle, "unreadable", 3)
        path.unlink()

    world.do(go())


def test_all_apps_are_checked_however_many_they_are(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        monkeypatch.setattr(verifying, "APPS_AT_ONCE", 2)
        apps = [await app_with(world, "one") for _ in range(5)]
        for app in apps:
            await world.objects.delete(await column(world, app, "bundle_key", 1))
        said: list[str] = []
        made = await verify(world.url, world.objects, named=None, say=said.append, found=lambda fault: None)
        mine = {app.id for app in apps}
        assert sorted(fault.app_id for fault in made.faults if fault.app_id in mine) == sorted(mine)
        assert "environments serve" in said[0]

    world.do(go())
