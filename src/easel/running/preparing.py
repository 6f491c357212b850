"""Prepares a database for `easel serve`, before its processes start."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

import easel.apps.models  # noqa: F401 (keys refer to apps)
from easel.access.models import Organisation
from easel.access.service import create_key, create_organisation
from easel.places import write_private
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.migrate import migrate
from easel.worker.jobs.queue import JobQueue


def prepare(settings: Settings, url: str) -> str | None:
    """Upgrades the schema, creates the first organisation and API key if they are missing, and requeues the jobs of a
    killed predecessor. Returns the first key's secret if it was just created, or None. Raises SchemaVersionError."""
    migrate(url)
    return asyncio.run(_prepare(settings, url))


async def _prepare(settings: Settings, url: str) -> str | None:
    made = await _first_key(settings, url)
    if settings.database_url is None:
        # No other Easel uses an embedded database, so every job that is marked as running was abandoned.
        async with JobQueue(url).open() as queue:
            await queue.take_over(0)
    return made


async def _first_key(settings: Settings, url: str) -> str | None:
    path = settings.data_dir / "api-key"
    database = Database(url)
    try:
        async with database.transaction() as work:
            organisation = await work.session.scalar(
                select(Organisation).order_by(Organisation.created_at, Organisation.id).limit(1)
            )
            if organisation is None:
                organisation = await create_organisation(work, "default")
            if path.exists():
                return None
            _, secret = await create_key(work, organisation.id, name="first key", scope="admin")
            write_private(path, secret + "\n")
            return secret
    finally:
        await database.close()
