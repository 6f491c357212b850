"""Upgrades a database to this release's schema, and refuses to run on any other schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.errors import UndefinedTable

from easel.errors import EaselError
from easel.storage.connections import noticing
from easel.storage.errors import DatabaseUnavailableError
from easel.storage.statements import statements

_MIGRATIONS = Path(__file__).parent / "migrations"
REVISION = statements(__name__)["revision"]
"""The SQL statement that reads the revision of a database's schema."""
_WAIT, _TRIES = 3, 5
"""Seconds that a migration waits for a locked table in one attempt, and the number of attempts."""
_LOCK = 0x4561_7365_6C  # "Easel". This lock allows one migration at a time, on all machines together.


class SchemaVersionError(EaselError):
    """The database has schema version {found}, but this Easel needs {expected}. {advice}"""

    code = "schema_version_mismatch"


class DatabaseEmptyError(SchemaVersionError):
    """The database does not have Easel's schema yet. Run `easel migrate` first."""

    code = "database_empty"


class DatabaseBusyError(EaselError):
    """The database cannot be migrated now, because another session has held a lock on one of its tables for {seconds}
    s. Nothing was changed. Wait until running backups and reports have ended, and try again."""

    status = 503
    code = "database_busy"


def migrate(url: str, to: str = "head") -> None:
    """Upgrades the database in place, up to the schema revision `to`. Several machines may call this function at once.

    Raises SchemaVersionError if a newer Easel created the database, DatabaseBusyError, DatabaseUnavailableError.
    """
    wanted = schema() if to == "head" else to
    with reached(), psycopg.connect(url, autocommit=True, **noticing(url)) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        # The lock ends when the connection is closed.
        found = _found(url)
        if found == wanted:
            return
        if found is not None and not knows_schema(found):
            raise SchemaVersionError(
                found=found, expected=schema(), advice="Install the newer Easel release that created this schema."
            )
        for _ in range(_TRIES):
            if _upgrade(url, wanted):
                return
        raise DatabaseBusyError(seconds=_TRIES * _WAIT)


@contextmanager
def reached() -> Iterator[None]:
    """Translates connection errors in the block, which contains the first access to the database, into
    DatabaseUnavailableError."""
    try:
        yield
    except Exception as error:
        # SQLAlchemy wraps the driver's errors. It is not imported here, because an edge runs without SQLAlchemy.
        cause = error if isinstance(error, psycopg.Error) else getattr(error, "orig", None)
        if not isinstance(cause, psycopg.Error):
            raise
        if isinstance(cause, psycopg.ProgrammingError) and cause.sqlstate is None:
            # The driver's message contains the unreadable part, which may contain the password.
            raise DatabaseUnavailableError(reason="the URL is not valid") from None
        # Only the first of several lines is the error. The other lines are the driver's guesses at its cause.
        reason = str(cause).strip().splitlines()[0].rstrip(".")
        raise DatabaseUnavailableError(reason=reason) from error


def _upgrade(url: str, to: str) -> bool:
    """Upgrades the schema to the revision `to`. Returns false if another session locks a table for too long."""
    from alembic import command
    from alembic.config import Config
    from psycopg.errors import LockNotAvailable
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    from easel.storage.database import sqlalchemy_url

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            # While an ALTER TABLE waits, every other session that needs the table waits behind it.
            connection.exec_driver_sql(f"set lock_timeout = '{_WAIT}s'")
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            connection.commit()
            return True
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            return False
        raise
    finally:
        engine.dispose()


def check_schema(url: str) -> None:
    """Raises SchemaVersionError unless the database has exactly this release's schema. Raises
    DatabaseUnavailableError."""
    with reached():
        found = _found(url)
    if found != schema():
        if found is None:
            raise DatabaseEmptyError(expected=schema())
        advice = (
            "Run `easel migrate` first."
            if knows_schema(found)
            else "Install the newer Easel release that created this schema."
        )
        raise SchemaVersionError(found=found, expected=schema(), advice=advice)


def schema() -> str:
    """Returns the revision of the database schema that this release of Easel needs."""
    return max(_revisions())


def knows_schema(revision: str) -> bool:
    """Returns true if this release knows the schema revision, as its own or as an earlier revision."""
    return revision in _revisions()


def _revisions() -> set[str]:
    # Every process checks this at its start. The revisions are in the files' names, so no heavy import is needed.
    return {path.name.split("_", 1)[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py")}


def _found(url: str) -> str | None:
    with psycopg.connect(url, **noticing(url)) as connection:
        try:
            row = connection.execute(REVISION).fetchone()
        except UndefinedTable:
            return None
    return None if row is None else str(row[0])
