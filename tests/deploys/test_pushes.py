"""Pushes become deploys. Each delivery is processed once, and only the newest of several waiting pushes is deployed."""

from __future__ import annotations

import asyncio
import dataclasses

from sqlalchemy import select

from easel import clock
from easel.apps.models import App
from easel.deploys.models import Deploy
from easel.deploys.pushes import PushOutcome, deploy_push
from easel.deploys.service import DeployOrder, accept
from easel.repositories.providers.models import Delivery, Push
from easel.repositories.schemas import ConnectRepoRequest
from easel.repositories.service import connect, following
from tests.deploys.building.builder import jobs
from tests.worker.test_orphans import make_app
from tests.world import World

URL = "https://git.example.org/team/shop.git"
FIRST, SECOND, THIRD = "a" * 40, "b" * 40, "c" * 40


async def followed(world: World) -> App:
    app = await make_app(world)
    async with world.database.transaction() as work:
        await connect(work, world.vault, world.settings, app, ConnectRepoRequest(repo_url=URL), "x")
    return app


async def push(
    world: World, app: App, sha: str, id: str | None, body: bytes = b"", message: str | None = None
) -> PushOutcome:
    delivery = Delivery(id, "push", (Push("main", sha, message, "Ada\0 <ada@example.org>"),))
    async with world.database.transaction() as work:
        found = await following(work, app.id, app.org_id)
        assert found is not None
        return await deploy_push(
            work, world.objects, world.queue, world.settings, *found, delivery=delivery, body=sha.encode()
        )


async def read(world: World, heard: PushOutcome) -> Deploy:
    async with world.database.transaction() as work:
        return await work.session.get_one(Deploy, heard.deploy_id)


def test_a_push_deploys_its_commit_to_production(world: World) -> None:
    async def go() -> None:
        app = await followed(world)
        heard = await push(world, app, FIRST.upper(), "d-1", message="Fix\0 it\n\nMore")
        deploy = await read(world, heard)
        assert (heard.did, deploy.environment, deploy.source, deploy.status) == (
            "deploying",
            "production",
            "git",
            "queued",
        )
        assert (deploy.git_commit_sha, deploy.git_branch, deploy.message) == (FIRST, "main", "Fix it")
        assert (deploy.git_commit_message, deploy.git_author) == ("Fix it\n\nMore", "Ada <ada@example.org>")
        assert deploy.queued_by == "webhook (plain)"
        silent = await read(world, await push(world, app, SECOND, "d-2"))
        assert silent.message == "Push to main"

    world.do(go())


def test_a_repeated_delivery_deploys_nothing_more(world: World) -> None:
    async def go() -> None:
        app = await followed(world)
        first = await push(world, app, FIRST, "d-1")
        again = await push(world, app, FIRST, "d-1")
        assert (again.did, again.deploy_id) == ("repeated", first.deploy_id)
        nameless = await push(world, app, SECOND, None)
        repeated = await push(world, app, SECOND, None)
        assert (nameless.did, repeated.did, repeated.deploy_id) == ("deploying", "repeated", nameless.deploy_id)
        # Another app's delivery with the same id is a different delivery.
        assert (await push(world, await followed(world), FIRST, "d-1")).did == "deploying"

    world.do(go())


def test_a_delivery_that_arrives_twice_at_once_deploys_once(world: World) -> None:
    async def go() -> None:
        app = await followed(world)
        heard = await asyncio.gather(*(push(world, app, FIRST, "d-1") for _ in range(4)))
        assert sorted(one.did for one in heard) == ["deploying", "repeated", "repeated", "repeated"]
        assert len({one.deploy_id for one in heard}) == 1

    world.do(go())


def test_a_delivery_under_another_id_deploys_no_commit_again(world: World) -> None:
    async def go() -> None:
        app = await followed(world)
        first = await push(world, app, FIRST, "d-1")
        heard = await asyncio.gather(*(push(world, app, FIRST, f"replay-{n}") for n in range(3)))
        assert {(one.did, one.deploy_id) for one in heard} == {("repeated", first.deploy_id)}
        second = await push(world, app, SECOND, "d-2")
        # The branch was moved back to this commit, which only the builder can find out.
        assert (await push(world, app, FIRST, "d-3")).did == "deploying"
        async with world.database.transaction() as work:
            for deploy in await work.session.scalars(select(Deploy).where(Deploy.app_id == app.id)):
                deploy.status = "failed"
        assert (await push(world, app, FIRST, "d-4")).did == "deploying"
        assert second.did == "deploying"
        async with world.database.transaction() as work:
            (await work.session.get_one(App, app.id)).published_at = clock.now()
        assert (await push(world, app, FIRST, "d-5")).did == "deploying"

    world.do(go())


def test_a_newer_push_replaces_older_pushes_that_no_builder_has_begun(world: World) -> None:
    async def go() -> None:
        app = await followed(world)
        begun, waiting = await push(world, app, FIRST, "d-1"), None
        async with world.database.transaction() as work:
            (await work.session.get_one(Deploy, begun.deploy_id)).status = "building"
        waiting = await push(world, app, SECOND, "d-2")
        assert waiting.superseded == ()
        by_hand = DeployOrder("production", "by hand", "git", None, None, FIRST, None, None)
        async with world.database.transaction() as work:
            held = await work.session.get_one(App, app.id)
            own = await accept(work, world.objects, world.queue, world.settings, held, by_hand, "Ada")
            staging = dataclasses.replace(by_hand, environment="staging")
            other = await accept(work, world.objects, world.queue, world.settings, held, staging, "Ada")
        newest = await push(world, app, THIRD, "d-3")
        assert newest.superseded == (waiting.deploy_id,)
        ended = await read(world, waiting)
        assert (ended.status, ended.error_code) == ("failed", "deploy_superseded")
        assert newest.deploy_id is not None
        assert newest.deploy_id in (ended.error or "")
        async with world.database.transaction() as work:
            statuses = [
                (await work.session.get_one(Deploy, id)).status
                for id in (begun.deploy_id, own.id, other.id, newest.deploy_id)
            ]
        assert statuses == ["building", "queued", "queued", "queued"]
        assert len(await jobs(world, newest.deploy_id)) == 1

    world.do(go())
