"""The schema in the migrations is the schema in the models, and Easel runs only on this release's schema."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, create_engine, text

import easel.access.models
import easel.apps.models
import easel.deploys.models
import easel.environments.models
import easel.repositories.models
import easel.uploads.models
import easel.versions.models  # noqa: F401
from easel.apps.config import config_hash
from easel.serving.published import encoded, published_site, to_store
from easel.storage import migrations
from easel.storage.database import Base, sqlalchemy_url
from easel.storage.embedded import EmbeddedPostgres, PostgresVersionError
from easel.storage.errors import DatabaseUnavailableError
from easel.storage.migrate import DatabaseBusyError, SchemaVersionError, check_schema, knows_schema, migrate, schema
from testbed.databases import debian_postgres, debian_postgres_version


@pytest.fixture(scope="module", params=["embedded", "Debian's"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yields an empty database on Easel's own server, and on the oldest supported server."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        if request.param == "embedded":
            embedded = EmbeddedPostgres(Path(folder, "data", "postgres"))
            yield embedded.start()
            embedded.stop()
        elif debian_postgres_version() is None:
            pytest.skip("Debian's PostgreSQL is not on this machine; install the package `postgresql`")
        else:
            with debian_postgres(Path(folder, "debian")) as url:
                yield url


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    engine = create_engine(sqlalchemy_url(url))
    with engine.connect() as made:
        yield made
    engine.dispose()


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")  # SQLAlchemy's reflection does not know this type.
def test_migrating_from_several_machines_at_once_gives_the_models_schema(url: str, connection: Connection) -> None:
    with pytest.raises(SchemaVersionError, match="easel migrate"):
        check_schema(url)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [url] * 4))
    check_schema(url)

    def ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
        return kind != "table" or not (name or "").startswith(("procrastinate_", "alembic_", "queue_"))

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    differences = [d for d in compare_metadata(context, Base.metadata) if "procrastinate" not in str(d)]
    assert differences == []


def test_the_migrations_are_one_line_named_by_their_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert revisions[0] == schema() == max(revisions)
    assert all(knows_schema(revision) for revision in revisions)
    assert revisions == sorted(revisions, reverse=True)


def test_a_recorded_version_cannot_be_changed_even_by_hand(url: str, connection: Connection) -> None:
    migrate(url)
    found = connection.scalar(text("select count(*) from pg_trigger where tgname = 'easel_version_is_immutable'"))
    assert found == 1


def test_the_migration_stores_each_existing_configuration_once_under_its_hash(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database filled")
    filled = urlsplit(url)._replace(path="/filled").geturl()
    migrate(filled, "0011")
    sealed: dict[str, Any] = {
        "meta": {"title": "é"},
        "build_config": {"secrets": {"A": {"$sealed": "x", "$digest": "d"}}},
    }
    plain: dict[str, Any] = {"meta": {"title": "plain", "description": "y" * 2000}, "template": "gallery"}
    with psycopg.connect(filled) as connection:
        connection.execute("insert into organisation (id, name) values ('org', 'x')")
        for app in ("a", "b", "c"):
            connection.execute(
                "insert into app (id, org_id, slug, is_active, draft, published, last_version, last_sequence,"
                " created_at, updated_at) values (%s, 'org', %s, true, %s, %s, 4, 0, now(), now())",
                (app, app, Jsonb(plain), Jsonb(sealed)),
            )
            for number, config in enumerate((sealed, plain, sealed, plain), start=1):
                connection.execute(
                    "insert into version (app_id, number, org_id, kind, environment, config, config_hash,"
                    " content_hash, file_count, total_bytes, deployed_at)"
                    " values (%s, %s, 'org', 'publish', 'production', %s, %s, 'c', 0, 0, now())",
                    (app, number, Jsonb(config), config_hash(config)),
                )
    migrate(filled)
    with psycopg.connect(filled) as connection:
        stored = connection.execute("select hash, config from configuration").fetchall()
        assert sorted(stored, key=str) == sorted([(config_hash(c), c) for c in (sealed, plain)] * 3, key=str)
        left = connection.execute("select count(*), count(config), min(config_hash) from version").fetchone()
        assert left == (12, 0, min(config_hash(sealed), config_hash(plain)))
        hashes = connection.execute("select distinct draft_hash, published_hash, listed from app").fetchall()
        listed = {"title": "plain", "description": None, "logo_url": None, "favicon_url": None, "indexable": None}
        shown = {"template": "gallery", "monitoring_config": None, "meta": listed}
        assert hashes == [(config_hash(plain), config_hash(sealed), shown)]
        columns = connection.execute(
            "select attname from pg_attribute where attrelid = 'version'::regclass and attnum > 0"
        ).fetchall()
        for (column,) in columns:
            with pytest.raises(psycopg.errors.RaiseException, match="immutable"), connection.transaction():
                connection.execute(
                    psycopg.sql.SQL("update version set {} = null").format(psycopg.sql.Identifier(column))
                )


def test_the_migration_stores_the_published_settings_of_existing_apps(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database told")
    told = urlsplit(url)._replace(path="/told").geturl()
    migrate(told, "0015")
    variables = {"Ü<": "é\n", "A": "x" * 5000, "mixpeek_api_key": "sk"}
    published: list[dict[str, Any]] = [
        {"meta": {"title": "x", "indexable": True}, "build_config": {"env_vars": variables, "secrets": {"A": "x"}}},
        {"meta": None, "build_config": None},
        {"meta": {"indexable": "true"}, "build_config": {"env_vars": {"N": 5, "T": True, "O": None}}},
        {"build_config": {"env_vars": None}},
        *({"build_config": {"env_vars": {"N": str(number)}}} for number in range(600)),
    ]
    with psycopg.connect(told) as connection:
        connection.execute("insert into organisation (id, name) values ('org', 'x')")
        insert = (
            "insert into app (id, org_id, slug, is_active, draft, published, last_version, last_sequence,"
            " created_at, updated_at) values (%s, 'org', %s, true, '{}', %s, 4, 0, now(), now())"
        )
        for number, config in enumerate(published):
            connection.execute(insert, (f"{number:04}", f"{number:04}", Jsonb(config)))
    migrate(told)
    wanted = [to_store(encoded(published_site(config))) for config in published]
    with psycopg.connect(told, autocommit=True) as connection:
        found = connection.execute("select site from app order by id").fetchall()
        assert [site for (site,) in found] == wanted
        # A process of an earlier release publishes or inserts without a hash from now on.
        connection.execute("update app set published = draft, published_hash = 'x' where id = '0000'")
        connection.execute(insert, ("a", "a", Jsonb(published[0])))
        rows = connection.execute("select id from app where site is null order by id").fetchall()
        assert rows == [("0000",), ("a",)]


def test_a_database_of_a_newer_easel_is_refused(url: str, connection: Connection) -> None:
    migrate(url)
    known = connection.scalar(text("select version_num from alembic_version"))
    connection.execute(text("update alembic_version set version_num = '9999'"))
    connection.commit()
    for refuse in (check_schema, migrate):
        with pytest.raises(SchemaVersionError, match="newer Easel"):
            refuse(url)
    connection.execute(text("update alembic_version set version_num = :known"), {"known": known})
    connection.commit()


def test_a_migration_waits_briefly_for_locks_and_changes_nothing_on_failure(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("easel.storage.migrate._WAIT", 0.1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database busy")
    busy = urlsplit(url)._replace(path="/busy").geturl()
    migrate(busy, "0008")
    with psycopg.connect(busy) as reader:
        reader.execute("select from app")
        with pytest.raises(DatabaseBusyError, match="Nothing was changed"):
            migrate(busy)
    with psycopg.connect(busy) as connection:
        assert connection.execute("select version_num from alembic_version").fetchone() == ("0008",)
    migrate(busy)
    check_schema(busy)


def test_a_wrong_password_is_reported(url: str) -> None:
    password = urlsplit(url).password
    if not password:
        pytest.skip("the embedded server asks for no password")
    with pytest.raises(DatabaseUnavailableError, match="password authentication failed") as refused:
        migrate(url.replace(password, "wrong"))
    assert "wrong" not in str(refused.value)


def test_a_data_folder_of_another_postgresql_is_explained(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("12\n")
    with pytest.raises(PostgresVersionError, match="PostgreSQL 12"):
        EmbeddedPostgres(folder).start()
