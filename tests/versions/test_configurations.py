"""Configurations: each is stored once for all versions that have it, and read only when it is shown."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from easel.apps.schemas import UpdateAppRequest
from easel.apps.service import get_app, update_app
from easel.releases.restore import restore
from easel.versions.integrity import Verifier
from easel.worker.housekeeping.sweep import sweep
from testbed.running import Platform, RunningApp
from tests.worker.test_orphans import caller_of, make_app, order, run
from tests.world import World

LARGE = {"custom_html": secrets.token_hex(400_000)}
PAGE = {"index.html": "<!doctype html>large"}


@pytest.fixture
def large(platform: Platform) -> RunningApp:
    """Returns an app with a configuration of nearly a megabyte."""
    return RunningApp.create(platform, **LARGE)


def written(platform: Platform) -> int:
    """Returns the bytes that the database has ever written to its log."""
    with platform.database() as connection:
        row = connection.execute("select pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(str(row[0]))


def configurations(app: RunningApp) -> int:
    """Returns the number of configurations stored for the app's versions."""
    with app.platform.database() as connection:
        row = connection.execute("select count(*) from configuration where app_id = %s", (app.app_id,)).fetchone()
    assert row is not None
    return int(str(row[0]))


def test_publishing_and_deploying_with_the_same_configuration_writes_it_once(large: RunningApp) -> None:
    large.deploy(PAGE)
    before = written(large.platform)
    for number in range(4):
        once = {"Idempotency-Key": secrets.token_hex(8)}
        large.client.post(f"{large.path}/publish", json={"message": f"again {number}"}, headers=once)
    large.deploy(PAGE)
    assert written(large.platform) - before < 400_000
    assert configurations(large) == 1
    details = [large.client.get(f"{large.path}/versions/{n}").json()["config"] for n in (1, 5, 6)]
    assert [detail["custom_html"] for detail in details] == [LARGE["custom_html"]] * 3


def test_the_configuration_of_an_earlier_version_returns_by_restore_and_by_rollback(app: RunningApp) -> None:
    app.deploy(PAGE)
    for number in (1, 2):
        env = {"build_config": {"env_vars": {"N": str(number)}, "secrets": {"S": f"s{number}"}}, "publish": True}
        app.client.patch(app.path, json=env)
    app.client.post(f"{app.path}/versions/2/restore", json={"with_config": True})
    restored = app.client.get(app.path).json()
    assert (restored["build_config"]["env_vars"], restored["has_unpublished_changes"]) == ({"N": "1"}, False)
    assert '"N":"1"' in app.visit().text
    app.client.post(f"{app.path}/publish", json={"message": "again"})
    app.client.post(f"{app.path}/versions/3/restore", json={"with_config": True})
    app.client.patch(app.path, json={"meta": {"description": "mine"}})
    kept = app.client.post(f"{app.path}/rollback").json()
    assert (kept["meta"]["description"], kept["has_unpublished_changes"]) == ("mine", True)
    assert '"N":"1"' in app.visit().text
    assert configurations(app) == 3


def test_lists_show_no_large_configuration_and_find_what_they_show(large: RunningApp) -> None:
    title = f"t{secrets.token_hex(5)}"
    large.client.patch(large.path, json={"meta": {"title": title + "x" * 5000, "description": "y" * 5000}})
    (found,) = large.client.get("/v1/apps", params={"search": title.upper()}).json()["results"]
    assert (found["app_id"], found["auth_config"], found["build_config"]) == (large.app_id, None, None)
    assert (len(found["meta"]["title"]), found["meta"]["description"]) == (1000, None)
    assert found["has_unpublished_changes"] is True
    large.client.post(f"{large.path}/publish", json={"message": "m"})
    listed = large.client.get("/v1/apps", params={"slug": large.slug, "template": "generic"})
    assert listed.json()["results"][0]["has_unpublished_changes"] is False
    assert max(len(listed.content), len(large.client.get(f"{large.path}/versions").content)) < 4000


def test_a_large_response_is_repeated_from_the_records(large: RunningApp) -> None:
    asked: list[tuple[str, dict[str, Any], dict[str, str], object]] = []

    def ask(path: str, body: dict[str, Any]) -> None:
        once = {"Idempotency-Key": secrets.token_hex(8)}
        asked.append((path, body, once, large.client.post(path, json=body, headers=once).json()))

    for title in ("one", "two"):
        large.client.patch(large.path, json={"meta": {"title": title}})
        ask(f"{large.path}/publish", {"message": title})
    ask(f"{large.path}/rollback", {})
    ask("/v1/apps", {"slug": f"t-{secrets.token_hex(5)}x", "meta": {"title": "x"}, **LARGE})
    large.client.patch(large.path, json={"meta": {"title": "something else"}, "publish": True})
    for path, body, once, first in asked:
        again = large.client.post(path, json=body, headers=once)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
        assert again.json() == first
    with large.platform.database() as connection:
        largest = connection.execute("select max(length(body)) from remembered_answer").fetchone()
    assert largest is not None
    assert int(str(largest[0])) < 100_000


def test_rows_of_the_previous_release_are_read_like_rows_of_this_release(world: World) -> None:
    """The processes of an earlier release continue while the processes of this release start. They know neither hashes
    nor the table."""

    async def go() -> None:
        app = await make_app(world)
        caller = caller_of(app)
        first, second = ({"meta": {"title": title}} for title in ("first", "second"))
        async with world.database.transaction() as work:
            await work.sql(
                "update app set draft = %(second)s::jsonb, published = %(first)s::jsonb where id = %(app)s",
                {"app": app.id, "first": json.dumps(first), "second": json.dumps(second)},
            )
            for number in (1, 2):
                await work.sql(
                    "insert into version (app_id, number, org_id, kind, environment, config, config_hash,"
                    " content_hash, file_count, total_bytes, deployed_at) values (%(app)s, %(number)s, %(org)s,"
                    " 'publish', 'production', %(config)s::jsonb, 'h', 'h', 0, 0, now())",
                    {"app": app.id, "org": app.org_id, "number": number, "config": json.dumps(first)},
                )
            await work.sql("update app set last_version = 2 where id = %(app)s", {"app": app.id})
        await run(world, await order(world, app, "x"))
        async with world.database.transaction() as work:
            stored = await work.sql(
                "select hash, config from configuration where app_id = %(app)s order by hash", {"app": app.id}
            )
            assert [config for _, config in stored] == [first, first]
            found = await get_app(work, caller, app.id, lock=True, with_draft=True)
            assert (found.draft, found.draft_hash) == (second, None)
            request = UpdateAppRequest.model_validate({"meta": {"description": "d"}})
            await update_app(work, world.vault, found, request, dry_run=False, reserved_for=0)
            await restore(work, Verifier(world.objects), caller, app.id, 3, environment="staging", with_config=True)
        async with world.database.transaction() as work:
            ((published, draft, known),) = await work.sql(
                "select published, draft, draft_hash is not null from app where id = %(app)s", {"app": app.id}
            )
            assert (published, draft["meta"], known) == (first, {"title": "second", "description": "d"}, True)

    world.do(go())


def test_the_configurations_of_a_deleted_app_go_with_its_objects(world: World) -> None:
    async def go() -> None:
        app = await make_app(world)
        await run(world, await order(world, app, "x"))
        async with world.database.transaction() as work:
            await work.sql("update app set deleted_at = now() - interval '1 hour' where id = %(app)s", {"app": app.id})
        await sweep(world.database, world.objects, world.queue, world.settings)
        async with world.database.transaction() as work:
            assert await work.sql("select from configuration where app_id = %(app)s", {"app": app.id}) == []
            kept = await work.sql("select draft, published from app where id = %(app)s", {"app": app.id})
            assert kept == [({}, {})]

    world.do(go())
