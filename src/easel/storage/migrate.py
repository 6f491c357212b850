"""Brings a database to this release's schema, and refuses to run on any other."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from easel.errors import EaselError
from easel.storage.database import sqlalchemy_url

_LOCK = 0x4561_7365_6C  # "Easel": one migration at a time, from whatever machine


class SchemaVersionError(EaselError):
    """The database has schema {found}, this Easel needs {expected}. {advice}"""

    code = "schema_version_mismatch"


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = sqlalchemy_url(url)
    return config


def migrate(url: str, to: str = "head") -> None:
    """Upgrades the database in place, as far as the revision `to`; safe to run from several machines at once.

    Raises SchemaVersionError when the database was made by a newer Easel.
    """
    config = _config(url)
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            try:
                found, expected = _versions(config, connection)
                if found == (expected if to == "head" else to):
                    return
                if found is not None and not _known(config, found):
                    raise SchemaVersionError(found=found, expected=expected, advice="Install the newer Easel again.")
                config.attributes["connection"] = connection
                command.upgrade(config, to)
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
    finally:
        engine.dispose()


def check_schema(url: str) -> None:
    """Raises SchemaVersionError unless the database has exactly this release's schema."""
    config = _config(url)
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            found, expected = _versions(config, connection)
    finally:
        engine.dispose()
    if found != expected:
        newer = found is not None and not _known(config, found)
        advice = "Install the newer Easel that made it." if newer else "Run `easel migrate` first."
        raise SchemaVersionError(found=found or "none", expected=expected, advice=advice)


def knows_schema(url: str, revision: str) -> bool:
    """Whether this release knows the schema with this revision, as its own or as an earlier one."""
    return _known(_config(url), revision)


def _versions(config: Config, connection: object) -> tuple[str | None, str]:
    found = MigrationContext.configure(connection).get_current_revision()  # type: ignore[arg-type]
    expected = ScriptDirectory.from_config(config).get_current_head()
    assert expected is not None
    return found, expected


def _known(config: Config, revision: str) -> bool:
    return any(script.revision == revision for script in ScriptDirectory.from_config(config).walk_revisions())
