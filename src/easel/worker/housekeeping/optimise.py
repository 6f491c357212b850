"""The background job after a deploy, which builds variants (compressed forms) of the version's files."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from easel import clock
from easel.apps.changes import routing_changed
from easel.apps.row_lock import hold
from easel.bundles.models import Manifest, decode_manifest
from easel.deploys.run_row import StopRequestedError
from easel.environments.models import Environment
from easel.files import map_file
from easel.serving.compressing import build_variants
from easel.storage.database import Database
from easel.storage.errors import ObjectMissingError
from easel.storage.object_names import manifest_key, variants_key
from easel.storage.objects import ObjectStore
from easel.storage.translation import translated
from easel.versions.models import Variants, Version

logger = logging.getLogger(__name__)

NICENESS = 15


async def optimise(
    database: Database, objects: ObjectStore, app_id: str, manifest_hash: str, should_stop: Callable[[], bool]
) -> None:
    """Builds the variants (compressed forms) of the files in a manifest that an environment serves, stores them, and
    notifies the edges.

    Does nothing if the variants exist, or if no environment serves the manifest any more. `should_stop` is called
    between two files, in a thread. Raises StopRequestedError after `should_stop` has returned true. Raises
    StoreUnavailableError, StorageFullError and database errors. After each of these errors, the job can be retried.
    """
    key = manifest_key(app_id, manifest_hash)
    if not await _wanted(database, app_id, key):
        return
    with translated(key):
        objects.reserve.require()
    try:
        manifest = decode_manifest(await objects.get(key))
        data = await _build(objects, manifest, should_stop)
    except ObjectMissingError:
        logger.warning("the objects of %s no longer exist, so there is nothing to optimise", key)
        return
    if data is None:
        raise StopRequestedError
    target = variants_key(app_id, key)
    await objects.put(target, data)
    async with database.transaction() as work:
        if await hold(work, app_id) is None:
            return
        await work.session.execute(
            insert(Variants)
            .values(app_id=app_id, manifest_key=key, object_key=target, created_at=clock.now())
            .on_conflict_do_nothing()
        )
        await routing_changed(work, app_id)


async def _wanted(database: Database, app_id: str, key: str) -> bool:
    async with database.transaction() as work:
        served = await work.session.scalar(
            select(Environment.name)
            .join(Version, (Version.app_id == Environment.app_id) & (Version.number == Environment.version))
            .where(Environment.app_id == app_id, Version.manifest_key == key)
            .limit(1)
        )
        made = await work.session.scalar(
            select(Variants.object_key).where(Variants.app_id == app_id, Variants.manifest_key == key)
        )
    return served is not None and made is None


async def _build(objects: ObjectStore, manifest: Manifest, should_stop: Callable[[], bool]) -> bytes | None:
    paths: list[Path] = []
    pins = []
    try:
        for bundle in manifest.bundles:
            path = objects.local_path(bundle.key)
            if path is None:
                pin = objects.pin(bundle.key)
                pins.append(pin)
                path = (await pin.__aenter__()).path
            if not path.exists():
                raise ObjectMissingError(key=bundle.key)
            paths.append(path)
        return await asyncio.to_thread(_build_politely, manifest, paths, should_stop)
    finally:
        for pin in pins:
            await pin.__aexit__(None, None, None)


def _build_politely(manifest: Manifest, paths: list[Path], should_stop: Callable[[], bool]) -> bytes | None:
    """Builds the variants of the manifest in a thread with low priority. On Linux, niceness belongs to the thread, so
    deploys in other threads stay quick."""
    result: list[bytes | None] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
            result.append(build_variants(manifest, [map_file(path) for path in paths], should_stop=should_stop))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=work, name="optimise")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]
