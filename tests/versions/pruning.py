"""Pruning on a running platform, as its workers do it at night."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import easel.access.models
import easel.deploys.models
import easel.uploads.models  # noqa: F401 (each brings its tables)
from easel.storage.database import Database
from easel.storage.freshness import FreshnessPage
from easel.storage.objects import ObjectStore
from easel.versions.pruning import Policy, prune_app
from easel.worker.housekeeping.orphans import sweep_orphans
from testbed.running import Platform, RunningApp


def prune_and_sweep(platform: Platform, app: RunningApp, policy: Policy) -> list[int]:
    """Prunes the app's versions that the policy does not keep, and removes their objects. Returns their numbers."""

    async def go() -> list[int]:
        page = FreshnessPage(platform.data_dir / "run" / "freshness")
        database = Database(platform.database_url, page=page)
        objects = ObjectStore(platform.objects(), platform.data_dir / "scratch")
        try:
            numbers = await prune_app(database, policy, app.app_id)
            await sweep_orphans(database, objects, grace=timedelta(0))
            return numbers
        finally:
            await database.close()

    return asyncio.run(go())
