"""Removes orphans (objects to which no record refers). A deploy that failed or was killed after storing objects leaves
orphans behind."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from sqlalchemy import select

from easel import clock
from easel.apps.row_lock import hold
from easel.deploys.models import Deploy
from easel.deploys.states import UNFINISHED
from easel.storage.database import Database, Transaction
from easel.storage.object_names import app_in, is_of_a_version
from easel.storage.objects import ObjectInfo, ObjectStore
from easel.versions.needed_objects import needed_objects

logger = logging.getLogger(__name__)

GRACE = timedelta(days=1)
"""Minimum age of an orphan that is removed. It is longer than any deploy takes."""
HELD_FOR = 1.0
"""Seconds after which the lock of an app's row is released briefly, so that waiting sessions can continue."""
REMOVED_WITHIN = 5.0
"""Timeout in seconds for removing one object. It is shorter than the time for which the database allows a transaction
to be idle."""


async def sweep_orphans(database: Database, objects: ObjectStore, *, grace: timedelta = GRACE) -> int:
    """Removes the objects of apps that are older than `grace`, if no record refers to them any more. Returns the number
    of removed objects.

    While an app's objects are removed, the app's row is locked, so that no deploy is accepted or recorded. An app with
    a running deploy is left for the next run. Unknown apps are skipped, because another installation may share the
    store.
    """
    removed = 0
    async for app_id, keys in _old_by_app(objects, clock.now() - grace):
        left = keys
        while left:
            left, gone = await _remove_some(database, objects, app_id, left)
            removed += gone
    if removed:
        logger.info("removed %d objects that no record refers to", removed)
    return removed


async def _remove_some(database: Database, objects: ObjectStore, app_id: str, keys: list[str]) -> tuple[list[str], int]:
    """Removes as many orphans of the app as fit into a short transaction. `keys` are the objects to check. Returns the
    remaining keys, and the number of removed objects."""
    removed = 0
    async with database.transaction() as work:
        orphans = await _orphans(work, app_id, keys)
        until = time.monotonic() + HELD_FOR
        for key in orphans:
            if removed and time.monotonic() > until:
                break
            # The database ends an idle transaction, which unlocks the app's row. Another deploy may then need the
            # object that is being removed. Each removal is therefore short, and begins with a query.
            await work.session.execute(select(1))
            try:
                async with asyncio.timeout(REMOVED_WITHIN):
                    await objects.delete(key)
            except TimeoutError:
                logger.warning("removing %s timed out; the next run removes the other objects of the same app", key)
                return [], removed
            removed += 1
    return orphans[removed:], removed


async def _orphans(work: Transaction, app_id: str, keys: list[str]) -> list[str]:
    if await hold(work, app_id) is None:
        return []
    # No record refers yet to the objects that a running deploy has stored.
    unfinished = select(Deploy.id).where(Deploy.app_id == app_id, Deploy.status.in_(UNFINISHED)).limit(1)
    if await work.session.scalar(unfinished) is not None:
        return []
    needed = await needed_objects(work, app_id)
    return [key for key in keys if key not in needed]


async def _old_by_app(objects: ObjectStore, before: datetime) -> AsyncIterator[tuple[str, list[str]]]:
    """Yields the keys of objects that are older than `before`, one list for each app. This works because a store lists
    objects in the order of their keys."""
    current: str | None = None
    keys: list[str] = []
    async for info in _listed(objects):
        app_id = app_in(info.key)
        if app_id != current:
            if current is not None and keys:
                yield current, keys
            current, keys = app_id, []
        if info.last_modified < before:
            keys.append(info.key)
    if current is not None and keys:
        yield current, keys


async def _listed(objects: ObjectStore) -> AsyncIterator[ObjectInfo]:
    async for info in objects.keys("apps"):
        if is_of_a_version(info.key):
            yield info
