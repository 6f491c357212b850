"""Optimising in the background. The unfinished work of a stopping worker is not lost."""

from __future__ import annotations

import pytest

from easel.deploys.run_row import StopRequestedError
from easel.storage.object_names import hash_in
from easel.versions.models import Variants
from easel.worker.housekeeping.optimise import optimise
from tests.worker.test_orphans import make_app, order, run
from tests.world import World


def test_a_stopping_worker_leaves_the_job_to_be_run_again(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        script = "".join(f"export const value{n} = {n};\n" for n in range(500))
        await run(world, await order(world, app, "x", {"a.js": script, "b.js": script + "//"}))
        async with world.database.transaction() as work:
            ((key,),) = await work.sql("select manifest_key from version where app_id = %(app)s", {"app": app.id})
        asked = iter((False, True))
        with pytest.raises(StopRequestedError):
            await optimise(world.database, world.objects, app.id, hash_in(key), lambda: next(asked))
        await optimise(world.database, world.objects, app.id, hash_in(key), lambda: False)
        async with world.database.transaction() as work:
            made = await work.session.get_one(Variants, (app.id, key))
        assert await world.objects.head(made.object_key) is not None

    world.do(go())
