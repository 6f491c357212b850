"""The sweep: removes objects without a reference. It never runs inside a request, and never removes a referenced
object."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import delete, or_, select, update

from easel import clock
from easel.access.models import RememberedAnswer
from easel.apps.models import App, FormerSlug
from easel.deploys.errors import InternalDeployError
from easel.deploys.models import BuildUsage, Deploy
from easel.deploys.phases import next_job
from easel.deploys.service import end_as_failed
from easel.deploys.states import FINAL, UNFINISHED
from easel.repositories.models import WebhookDelivery
from easel.repositories.service import forget
from easel.settings import Settings
from easel.storage.database import Database
from easel.storage.object_names import app_prefix, uploads_prefix
from easel.storage.objects import ObjectStore
from easel.storage.queue import Queue
from easel.storage.statements import statements
from easel.uploads.models import Upload
from easel.uploads.service import KEPT
from easel.versions.models import Configuration, HashedPath

logger = logging.getLogger(__name__)

_SQL = statements(__name__)

BATCH = 500
ANSWERS_KEPT = timedelta(days=1)
DELIVERIES_KEPT = timedelta(days=7)
"""Time for which deliveries are stored. GitHub allows a delivery to be sent again for three days."""
USAGE_KEPT = timedelta(days=90)


async def sweep(database: Database, objects: ObjectStore, queue: Queue, settings: Settings) -> None:
    """Removes the objects and configurations of deleted apps. Removes unusable uploads, old remembered answers, old
    webhook deliveries, and expired reservations of slugs.

    An upload is removed a day after its URL expired, unless an unfinished deploy refers to it.
    """
    await _sweep_deleted_apps(database, objects)
    await _sweep_uploads(database, objects, settings)
    await _end_abandoned(database, queue, settings)
    async with database.transaction() as work:
        await work.session.execute(
            delete(RememberedAnswer).where(RememberedAnswer.created_at < clock.now() - ANSWERS_KEPT)
        )
        await work.session.execute(
            delete(WebhookDelivery).where(WebhookDelivery.received_at < clock.now() - DELIVERIES_KEPT)
        )
        await work.session.execute(delete(BuildUsage).where(BuildUsage.day < (clock.now() - USAGE_KEPT).date()))
        await work.session.execute(
            delete(FormerSlug).where(FormerSlug.freed_at <= clock.now() - timedelta(seconds=settings.slug_reserved_for))
        )


async def _end_abandoned(database: Database, queue: Queue, settings: Settings) -> None:
    """Ends deploys whose job is lost: every accepted deploy ends, whatever fails."""
    async with database.transaction() as work:
        ids = await work.sql(_SQL["abandoned"], {"age": settings.deploy_deadline})
    for (deploy_id,) in ids:
        async with database.transaction() as work:
            deploy = await work.session.get(Deploy, deploy_id, with_for_update=True)
            if deploy is None or deploy.status in FINAL:
                continue
            if deploy.outcome is not None:
                # The version is live, or recorded and overtaken; only the final status is missing.
                logger.error("deploy %s had lost its job; enqueued a new job", deploy_id)
                built = deploy.built_key is not None
                await queue.put(work, next_job(deploy.app_id, deploy_id, step=deploy.step, built=built))
            else:
                logger.error("deploy %s had lost its job; the deploy was ended as failed", deploy_id)
                await end_as_failed(work, deploy, InternalDeployError(step=deploy.step, deploy_id=deploy_id))


async def _sweep_deleted_apps(database: Database, objects: ObjectStore) -> None:
    async with database.transaction() as work:
        gone = list(
            await work.session.scalars(
                select(App.id)
                .where(
                    App.deleted_at < clock.now() - timedelta(minutes=5),
                    App.swept_at.is_(None),
                    # A running deploy may still store objects. This is queried, because the deletion's time may be from
                    # another machine's clock.
                    ~select(Deploy.id).where(Deploy.app_id == App.id, Deploy.status.in_(UNFINISHED)).exists(),
                )
                .limit(BATCH)
            )
        )
    for app_id in gone:
        removed = 0
        for prefix in (app_prefix(app_id), uploads_prefix(app_id)):
            async for info in objects.keys(prefix):
                await objects.delete(info.key)
                removed += 1
        async with database.transaction() as work:
            await work.session.execute(
                update(App).where(App.id == app_id).values(swept_at=clock.now(), draft={}, published={})
            )
            # An api of an earlier release deletes an app without these rows.
            await forget(work, app_id)
            await work.session.execute(delete(Configuration).where(Configuration.app_id == app_id))
            await work.session.execute(delete(HashedPath).where(HashedPath.app_id == app_id))
            await work.session.execute(
                update(Upload).where(Upload.app_id == app_id, Upload.waiting).values(waiting=False)
            )
        if removed:
            logger.info("removed %d objects of the deleted app %s", removed, app_id)


async def _sweep_uploads(database: Database, objects: ObjectStore, settings: Settings) -> None:
    oldest = clock.now() - timedelta(seconds=settings.upload_expires) - KEPT
    while True:
        async with database.transaction() as work:
            needed = select(Deploy.id).where(
                Deploy.app_id == Upload.app_id,
                or_(Deploy.bundle_s3_key == Upload.key, Deploy.built_key == Upload.key),
                Deploy.status.in_(UNFINISHED),
            )
            keys = list(
                await work.session.scalars(
                    select(Upload.key).where(Upload.created_at < oldest, ~needed.exists()).limit(BATCH)
                )
            )
        if not keys:
            return
        for key in keys:
            await objects.delete(key)
        async with database.transaction() as work:
            await work.session.execute(delete(Upload).where(Upload.key.in_(keys)))
