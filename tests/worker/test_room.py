"""On a nearly full disk, unneeded objects are removed at once, and no other objects."""

from __future__ import annotations

from easel.apps.models import App
from easel.apps.service import delete_app
from easel.storage.object_names import app_prefix
from easel.uploads.models import Upload
from easel.uploads.service import note_arrival
from easel.worker.housekeeping.room import make_room
from tests.worker.test_orphans import make_app, order, run
from tests.world import World


async def stored(world: World, app: App) -> list[str]:
    found = []
    for prefix in (app_prefix(app.id), f"app-builds/{app.id}"):
        found += [info.key async for info in world.objects.keys(prefix)]
    return found


def test_a_deleted_apps_objects_are_removed_at_once_and_searched_again_later(world: World) -> None:
    async def go() -> None:
        gone, kept = await make_app(world), await make_app(world)
        for app in (gone, kept):
            await run(world, await order(world, app, "one"))
        async with world.database.transaction() as work:
            await delete_app(work, await work.session.get_one(App, gone.id))
        before = await stored(world, kept)
        assert await make_room(world.database, world.objects, world.settings) > 0
        assert (await stored(world, gone), await stored(world, kept)) == ([], before)
        # A run that was in progress.
        await world.objects.put(f"{app_prefix(gone.id)}/bundles/late", b"late")
        assert await make_room(world.database, world.objects, world.settings) == 4
        assert await stored(world, gone) == []

    world.do(go())


def test_an_upload_is_deleted_once_its_url_has_expired_and_no_deploy_waits_for_it(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        deploys = [await order(world, app, text) for text in ("deployed", "waiting", "fresh")]
        await run(world, deploys[0])
        async with world.database.transaction() as work:
            by_deploy = dict(await work.sql("select id, bundle_s3_key from deploy where app_id = %(a)s", {"a": app.id}))
            deployed, waiting, fresh = (str(by_deploy[deploy]) for deploy in deploys)
            for key in (deployed, waiting, fresh):
                await note_arrival(work, key, '"etag"', 5)
            await work.sql("update deploy set status = 'failed' where id = %(d)s", {"d": deploys[2]})
            await work.sql(
                "update upload set created_at = now() - interval '2 hours' where key = any(%(k)s)",
                {"k": [deployed, waiting]},
            )
        assert await make_room(world.database, world.objects, world.settings) == 5
        assert await world.objects.head(deployed) is None
        assert await world.objects.head(waiting) is not None
        assert await world.objects.head(fresh) is not None
        async with world.database.transaction() as work:
            # The upload no longer matches the response that its uploader got, so it is no longer searched for.
            upload = await work.session.get_one(Upload, deployed)
            assert (upload.size, upload.etag) == (None, None)
        assert await make_room(world.database, world.objects, world.settings) == 0
        await run(world, deploys[1])

    world.do(go())
