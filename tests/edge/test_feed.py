"""The feed of the routing table, over a real database with failures."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from easel.edge.routing import feed
from easel.edge.routing.feed import DatabaseFeed
from easel.edge.routing.saved_routes import SavedRoutes
from easel.edge.routing.table import MOVE, RouteTable
from easel.serving.published import PublishedSite, decoded, published_site
from easel.storage.embedded import EmbeddedPostgres
from easel.storage.migrate import SchemaVersionError, check_schema, migrate
from easel.storage.object_names import manifest_key
from testbed.running import Platform, RunningApp
from tests.system.chaos.database_way import DatabaseWay
from tests.system.chaos.proxy import Proxy
from tests.world import World


@pytest.fixture
def way(platform: Platform) -> Iterator[tuple[DatabaseWay, str]]:
    """Yields a proxy in front of the platform's database, and the URL through it."""
    with tempfile.TemporaryDirectory() as folder:
        made = DatabaseWay(platform.data_dir / "postgres" / ".s.PGSQL.5432")
        with made.listening(Path(folder) / ".s.PGSQL.5432"):
            yield made, f"postgresql://postgres@/postgres?host={folder}"


@pytest.fixture
async def table(way: tuple[DatabaseWay, str]) -> AsyncIterator[tuple[RouteTable, DatabaseFeed]]:
    made = RouteTable()
    source = DatabaseFeed(way[1], made, retention=1000)
    await source.open()
    await source.refresh()
    yield made, source
    await source.close()


def version_of(table: RouteTable, app: RunningApp) -> int | None:
    route = table.find(app.slug)
    return route.serves.version if route is not None and route.serves is not None else None


async def test_a_refresh_survives_closed_connections_and_a_vanished_server(
    platform: Platform,
    way: tuple[DatabaseWay, str],
    table: tuple[RouteTable, DatabaseFeed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    routes, source = table
    proxy, _ = way
    app = RunningApp.create(platform)
    await source.refresh()
    assert version_of(routes, app) is None
    assert app.deploy({"index.html": "<!doctype html>one"})["version"] == 1
    proxy.abort()
    await source.refresh()
    assert version_of(routes, app) == 1
    # On a busy machine, the query after the stranded connection may need more than the shortest timeout.
    for number, timeout in enumerate((0.3, 2.0, 20.0), start=2):
        monkeypatch.setattr(feed, "QUERY_TIMEOUT", timeout)
        await source.refresh()
        assert app.deploy({"index.html": f"<!doctype html>{number}"})["version"] == number
        proxy.strand()
        try:
            await source.refresh()
        except (OSError, psycopg.Error):
            continue
        break
    assert version_of(routes, app) == number
    assert await source.version(app.app_id, 1) is not None


async def test_earlier_versions_are_listed_once_each_with_their_manifests_the_latest_first(
    platform: Platform, table: tuple[RouteTable, DatabaseFeed]
) -> None:
    routes, source = table
    app = RunningApp.create(platform)
    for text in ("one", "two", "three"):
        app.deploy({"index.html": f"<!doctype html>{text}"})
    for version in (2, 3, 1):
        assert app.client.post(f"{app.path}/versions/{version}/restore", json={}).status_code == 200
    await source.refresh()
    found = routes.find(app.slug)
    assert found is not None
    assert found.serves is not None
    assert found.serves.version == 1
    held = [(one.version, one.manifest) for one in found.serves.earlier]
    assert [version for version, _ in held] == [3, 2]
    for version, manifest in [(1, found.serves.manifest), *held]:
        own = await source.version(app.app_id, version)
        assert own is not None
        assert own.manifest == manifest
        assert platform.objects().head(manifest_key(app.app_id, manifest.hex()))["size"] > 0
    # However often the pointer moved between two versions, one row is stored and sent.
    for version in (2, 1) * 5:
        assert app.client.post(f"{app.path}/versions/{version}/restore", json={}).status_code == 200
    await source.refresh()
    again = routes.find(app.slug)
    assert again is not None
    assert again.serves is not None
    assert [one.version for one in again.serves.earlier] == [2, 3]
    assert len(again.serves.moves) == 3 * MOVE.size
    staging = routes.find(f"staging-{app.slug}")
    assert staging is not None
    assert staging.serves is None


async def test_edges_get_the_published_settings_from_every_publisher(
    platform: Platform, table: tuple[RouteTable, DatabaseFeed]
) -> None:
    routes, source = table
    app = RunningApp.create(platform, build_config={"env_vars": {"N": "0"}})

    async def told() -> PublishedSite:
        await source.refresh()
        return decoded(routes.apps[app.app_id].site)

    assert await told() == published_site({"build_config": {"env_vars": {"N": "0"}}})
    app.deploy({"index.html": "<!doctype html>"})
    now = {"meta": {"indexable": True}, "build_config": {"env_vars": {"N": "1"}, "secrets": {"S": "s"}}}
    app.client.patch(app.path, json=now)
    assert (await told()).variables == {"N": "0"}
    app.client.post(f"{app.path}/publish", json={"message": "m"})
    assert await told() == published_site(now)
    app.client.post(f"{app.path}/rollback", json={})
    assert (await told()).variables == {"N": "0"}
    app.client.post(f"{app.path}/versions/2/restore", json={"with_config": True})
    assert await told() == published_site(now)
    # An earlier release stores only the configuration, and a later release may store more.
    for change, shown in (
        ("published = jsonb_set(published, '{build_config,env_vars,N}', '\"2\"')", {"N": "2"}),
        ("site = '\\x00'::bytea || '{}'", {"N": "2"}),
        ('site = \'\\x07\'::bytea || \'{"more":[1],"variables":{"N":"3"}}\'', {"N": "3"}),
        ("published = jsonb_set(published, '{build_config}', 'null')", {}),
    ):
        with platform.database() as connection:
            connection.execute(
                f"update app set {change}, changed_xid = pg_current_xact_id() where id = %s".encode(), (app.app_id,)
            )
        assert (await told()).variables == shown


def fill(url: str, slugs: dict[str, str]) -> None:
    """Adds apps by id, with their slugs."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop database if exists feed (force)")
        connection.execute("create database feed")
    feed = url.replace("/postgres?", "/feed?")
    migrate(feed)
    with psycopg.connect(feed, autocommit=True) as connection:
        connection.execute("insert into organisation (id, name) values ('org', 'x')")
        for app, slug in slugs.items():
            connection.execute(
                "insert into app (id, org_id, slug, is_active, draft, published, last_version, last_sequence,"
                " created_at, updated_at) values (%s, 'org', %s, true, '{}', '{}', 0, 0, now(), now())",
                (app, slug),
            )


async def test_an_edge_drops_routes_that_the_new_primary_database_does_not_know(world: World) -> None:
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as name:
        folder = Path(name, "data", "postgres")
        standby = EmbeddedPostgres(folder)
        # The server that takes over lacks the last commits.
        fill(world.url, {"one": "kept", "two": "renamed", "three": "lost"})
        fill(standby.start(), {"one": "kept", "two": "before"})
        database = Proxy(world.settings.postgres_dir / ".s.PGSQL.5432")
        try:
            with database.listening(Path(name, ".s.PGSQL.5432")):
                feed = DatabaseFeed(f"postgresql://postgres@/feed?host={name}", table := RouteTable(), retention=60)
                await feed.open()
                await feed.refresh()
                assert {app.slug for app in table.apps.values()} == {"kept", "renamed", "lost"}
                database.cut()
                with pytest.raises(psycopg.OperationalError):
                    await feed.refresh()
                database.target = folder / ".s.PGSQL.5432"
                database.mend()
                await feed.refresh()
                assert {app.slug for app in table.apps.values()} == {"kept", "before"}
                await feed.close()
        finally:
            standby.stop()


def serve(url: str, app: str, number: int, key: str, environment: str = "production") -> None:
    """Makes the app serve a version whose manifest has this key."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into version (app_id, number, org_id, kind, environment, manifest_key, config, config_hash,"
            " content_hash, file_count, total_bytes, deployed_at)"
            " values (%s, %s, 'org', 'deploy', 'production', %s, '{}', '', '', 1, 1, now()) on conflict do nothing",
            (app, number, key),
        )
        connection.execute(
            "insert into audit (org_id, app_id, environment, action, actor, from_version, to_version, revision, at)"
            " select 'org', app_id, name, 'restore', 'x', version, %s, revision + 1, now() from environment"
            " where app_id = %s",
            (number, app),
        )
        connection.execute(
            "insert into environment (app_id, name, org_id, version, revision, intent, moved_at)"
            " values (%s, %s, 'org', %s, 1, 1, now()) on conflict (app_id, name)"
            " do update set version = excluded.version, revision = environment.revision + 1",
            (app, environment, number),
        )
        connection.execute("update app set last_version = 9, changed_xid = pg_current_xact_id() where id = %s", (app,))


async def test_an_environment_of_any_name_needs_only_a_row(world: World, tmp_path: Path) -> None:
    fill(world.url, {"one": "shop"})
    url = world.url.replace("/postgres?", "/feed?")
    table = RouteTable()
    feed = DatabaseFeed(url, table, retention=60)
    try:
        await feed.open()
        for number, name in enumerate(("staging", "pr-7", "production", "a-name-of-tomorrow"), start=1):
            serve(url, "one", number, manifest_key("one", f"{number:064x}"), name)
            await feed.refresh()
    finally:
        await feed.close()
    served = [(one.name, one.version) for one in table.apps["one"].environments]
    assert served == [("a-name-of-tomorrow", 4), ("pr-7", 2), ("production", 3), ("staging", 1)]
    found = [table.find(label) for label in ("staging-shop", "pr-7-shop", "shop")]
    assert [one.serves.version for one in found if one is not None and one.serves is not None] == [1, 2, 3]
    # An edge that starts without its database has these routes too.
    saved = SavedRoutes(tmp_path, url)
    saved.write(list(table.apps.items()), saved.begin())
    assert saved.load() == table.apps


@pytest.mark.parametrize("key", ["apps/bad/manifests/none.json", "manifests/" + "x" * 64 + ".json", "abcd", ""])
async def test_a_malformed_manifest_key_does_not_affect_other_versions(
    world: World, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    fill(world.url, {"bad": "bad", "good": "good"})
    url = world.url.replace("/postgres?", "/feed?")
    keys = [manifest_key("x", f"{number:064x}") for number in range(4)]
    table = RouteTable()

    def served(slug: str) -> int | None:
        route = table.find(slug)
        return route.serves.version if route is not None and route.serves is not None else None

    serve(url, "bad", 1, key)
    serve(url, "good", 1, keys[1])
    feed = DatabaseFeed(url, table, retention=60)
    try:
        await feed.open()
        await feed.refresh()
        assert (served("bad"), served("good")) == (None, 1)
        assert await feed.version("bad", 1) is None
        # One refresh reads the change, and the versions served before and after it.
        serve(url, "bad", 2, keys[2])
        serve(url, "good", 2, keys[2])
        await feed.refresh()
        assert (served("bad"), served("good")) == (2, 2)
        serve(url, "bad", 1, key)
        serve(url, "good", 3, keys[3])
        await feed.refresh()
        assert (served("bad"), served("good")) == (None, 3)
        assert [found.version for found in [await feed.version("good", 3)] if found] == [3]
    finally:
        await feed.close()
    (told,) = (record.message for record in caplog.records if "is not served" in record.message)
    assert told.startswith("version 1 of app bad is not served: the key of its manifest")


async def test_an_edge_with_saved_routes_sends_no_query_to_a_database_of_another_schema_and_reports_this_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    fill(world.url, {"one": "kept"})
    url = world.url.replace("/postgres?", "/feed?")
    table = RouteTable()
    confirmed: list[bool] = []

    def note() -> None:
        confirmed.append(True)

    with psycopg.connect(url, autocommit=True) as connection:
        (right,) = connection.execute("select version_num from alembic_version").fetchall()[0]
        connection.execute("update alembic_version set version_num = '9999'")
    feed = DatabaseFeed(url, table, retention=60, on_confirmed=note, check_schema=partial(check_schema, url))
    try:
        await feed.open()
        for _ in range(2):
            with pytest.raises(SchemaVersionError):
                await feed.refresh()
        assert (len(table.apps), confirmed) == (0, [])
        assert caplog.text.count("The database has schema version 9999") == 1
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("update alembic_version set version_num = %s", (right,))
        await feed.refresh()
        assert ({app.slug for app in table.apps.values()}, confirmed) == ({"kept"}, [True])
    finally:
        await feed.close()
