"""Frees space on a nearly full disk. Objects that the sweep would remove later are removed at once, as far as that is
safe.

An earlier operation may still be storing objects: a deploy of an app that has just been deleted, or an upload whose URL
has expired. Therefore, nothing is marked as swept here, and the sweep follows later.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import or_, select, update

from easel import clock
from easel.apps.models import App
from easel.deploys.models import Deploy
from easel.deploys.states import UNFINISHED
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.object_names import app_prefix, uploads_prefix
from easel.storage.objects import ObjectStore
from easel.uploads.models import Upload

logger = logging.getLogger(__name__)

BATCH = 500


async def make_room(database: Database, objects: ObjectStore, settings: Settings) -> int:
    """Removes the objects of deleted apps, and expired uploads that no deploy waits for. Returns the number of freed
    bytes. Raises StoreUnavailableError and database errors."""
    freed = await _of_deleted_apps(database, objects) + await _of_expired_uploads(database, objects, settings)
    if freed:
        logger.warning(
            "the disk is nearly full: %d bytes of deleted apps and expired uploads were removed early", freed
        )
    return freed


async def _of_deleted_apps(database: Database, objects: ObjectStore) -> int:
    unfinished = select(Deploy.id).where(Deploy.app_id == App.id, Deploy.status.in_(UNFINISHED))
    gone = select(App.id).where(App.deleted_at.is_not(None), App.swept_at.is_(None), ~unfinished.exists())
    async with database.transaction() as work:
        ids = list(await work.session.scalars(gone.limit(BATCH)))
    freed = 0
    for app_id in ids:
        for prefix in (app_prefix(app_id), uploads_prefix(app_id)):
            async for info in objects.keys(prefix):
                await objects.delete(info.key)
                freed += info.size
    return freed


async def _of_expired_uploads(database: Database, objects: ObjectStore, settings: Settings) -> int:
    waiting = select(Deploy.id).where(
        Deploy.app_id == Upload.app_id,
        or_(Deploy.bundle_s3_key == Upload.key, Deploy.built_key == Upload.key),
        Deploy.status.in_(UNFINISHED),
    )
    expired = clock.now() - timedelta(seconds=settings.upload_expires)
    there = (
        select(Upload.key, Upload.size)
        .where(Upload.created_at < expired, Upload.size.is_not(None), ~waiting.exists())
        .order_by(Upload.size.desc())
        .limit(BATCH)
    )
    async with database.transaction() as work:
        uploads = {row.key: row.size for row in await work.session.execute(there)}
    if not uploads:
        return 0
    for key in uploads:
        await objects.delete(key)
    async with database.transaction() as work:
        # From now on, the upload counts as not arrived.
        await work.session.execute(update(Upload).where(Upload.key.in_(uploads)).values(size=None, etag=None))
    return sum(uploads.values())
