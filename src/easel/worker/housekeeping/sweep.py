"""The sweep: a regular job that removes objects to which no record refers. It never runs inside a request, and never
removes an object that is in use."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import delete, update

from easel import clock
from easel.apps.models import App
from easel.deploys.errors import InternalDeployError
from easel.deploys.models import Deploy
from easel.deploys.phases import next_job
from easel.deploys.service import end_as_failed
from easel.deploys.states import FINAL
from easel.repositories.service import forget
from easel.settings import Settings
from easel.storage.database import Database, Statement
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
"""Time for which webhook deliveries are remembered. GitHub can send a delivery again for three days."""
USAGE_KEPT = timedelta(days=90)


async def sweep(database: Database, objects: ObjectStore, queue: Queue, settings: Settings) -> None:
    """Removes the objects and configurations of deleted apps. Removes unusable uploads, old remembered responses, old
    webhook deliveries, and expired reservations of slugs.

    An upload is removed a day after its URL expired, unless an unfinished deploy refers to it.
    """
    now = clock.now()
    expired = {
        "answers": now - ANSWERS_KEPT,
        "deliveries": now - DELIVERIES_KEPT,
        "usage": (now - USAGE_KEPT).date(),
        "slugs": now - timedelta(seconds=settings.slug_reserved_for),
    }
    async with database.apart() as statement:
        await _sweep_deleted_apps(statement, database, objects)
        await _sweep_uploads(statement, objects, settings)
        await _end_abandoned(statement, database, queue, settings)
        await statement(_SQL["expire"], expired)


async def _end_abandoned(statement: Statement, database: Database, queue: Queue, settings: Settings) -> None:
    """Finds unfinished deploys whose job is lost, and enqueues a new job or ends them, because every accepted deploy
    must end, whatever fails."""
    ids = await statement(_SQL["abandoned"], {"age": settings.deploy_deadline})
    for (deploy_id,) in ids:
        async with database.transaction() as work:
            deploy = await work.session.get(Deploy, deploy_id, with_for_update=True)
            if deploy is None or deploy.status in FINAL:
                continue
            if deploy.outcome is not None:
                # The version is live, or it is recorded and a later request has overtaken it. Only the deploy's final
                # status is missing.
                logger.error("deploy %s had lost its job; enqueued a new job", deploy_id)
                built = deploy.built_key is not None
                await queue.put(work, next_job(deploy.app_id, deploy_id, step=deploy.step, built=built))
            else:
                logger.error("deploy %s had lost its job; the deploy was ended as failed", deploy_id)
                await end_as_failed(work, deploy, InternalDeployError(step=deploy.step, deploy_id=deploy_id))


async def _sweep_deleted_apps(statement: Statement, database: Database, objects: ObjectStore) -> None:
    before = clock.now() - timedelta(minutes=5)
    gone = await statement(_SQL["deleted_apps"], {"before": before, "most": BATCH})
    for (app_id,) in gone:
        removed = 0
        for prefix in (app_prefix(app_id), uploads_prefix(app_id)):
            async for info in objects.keys(prefix):
                await objects.delete(info.key)
                removed += 1
        async with database.transaction() as work:
            await work.session.execute(
                update(App).where(App.id == app_id).values(swept_at=clock.now(), draft={}, published={})
            )
            # If an api of an earlier release has deleted an app, these rows of the app are left.
            await forget(work, app_id)
            await work.session.execute(delete(Configuration).where(Configuration.app_id == app_id))
            await work.session.execute(delete(HashedPath).where(HashedPath.app_id == app_id))
            await work.session.execute(
                update(Upload).where(Upload.app_id == app_id, Upload.waiting).values(waiting=False)
            )
        if removed:
            logger.info("removed %d objects of the deleted app %s", removed, app_id)


async def _sweep_uploads(statement: Statement, objects: ObjectStore, settings: Settings) -> None:
    oldest = clock.now() - timedelta(seconds=settings.upload_expires) - KEPT
    unusable = {"before": oldest, "most": BATCH}
    while keys := [key for (key,) in await statement(_SQL["unusable_uploads"], unusable)]:
        for key in keys:
            await objects.delete(key)
        await statement(_SQL["forget_uploads"], {"keys": keys})
