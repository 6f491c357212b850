"""What the edge knows is what the database says, also when the database is an older state of itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg
import pytest

from easel.edge.feed import DatabaseFeed
from easel.edge.routes import RouteTable
from easel.storage.embedded import EmbeddedPostgres
from easel.storage.migrate import migrate
from tests.system.chaos.proxy import Proxy
from tests.world import World


def fill(url: str, slugs: dict[str, str]) -> None:
    """Apps by id, with their slugs."""
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


async def test_an_edge_forgets_what_the_database_that_took_over_does_not_know(world: World) -> None:
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as name:
        folder = Path(name, "data", "postgres")
        standby = EmbeddedPostgres(folder)
        # What was committed last has not reached the server that takes over.
        fill(world.url, {"one": "kept", "two": "renamed", "three": "lost"})
        fill(standby.start(), {"one": "kept", "two": "before"})
        database = Proxy(world.settings.postgres_dir / ".s.PGSQL.5432")
        try:
            with database.listening(Path(name, ".s.PGSQL.5432")):
                feed = DatabaseFeed(f"postgresql://postgres@/feed?host={name}", table := RouteTable(), retention=60)
                await feed.open()
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
