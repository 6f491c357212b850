"""Prunes old versions, if the operator has set limits for them. By default, every version is kept for ever.

A pruned version keeps its number, its record, its manifest and its sources, so it is still listed, and its files can be
compared. Its bundle is deleted, so it can neither be served, restored nor downloaded. Its configuration is deleted too,
unless another version has the same configuration, or a rollback leads to it. The orphan sweep removes its objects, like
all objects without a reference.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import select, update

from easel.apps.changes import routing_changed
from easel.apps.models import App
from easel.apps.row_lock import hold
from easel.settings import Settings
from easel.storage.database import Database, Transaction
from easel.storage.statements import statements
from easel.versions.models import PrunedVersion

_SQL = statements(__name__)

logger = logging.getLogger(__name__)

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's rule for pruning an app's versions. A version is kept if it is among the newest `count` or younger
    than `age` seconds. None means unlimited. `skew` is the number of seconds for which open tabs still get files of an
    environment's earlier versions."""

    count: int | None
    age: float | None
    skew: float

    @staticmethod
    def of(settings: Settings) -> Policy | None:
        """Returns the operator's policy in the settings. Returns None if all versions are kept."""
        if settings.versions_kept is None and settings.versions_kept_for is None:
            return None
        return Policy(settings.versions_kept, settings.versions_kept_for, settings.skew_retention)


_MAY_GO = _SQL["may_go"]
_PRUNE = _SQL["prune"]
_FORGET_VARIANTS = _SQL["forget_variants"]
_FORGET_CONFIGURATIONS = _SQL["forget_configurations"]


async def prune(database: Database, policy: Policy) -> int:
    """Prunes those versions of all apps that the policy does not keep, and returns the number of pruned versions. Each
    app is a separate transaction."""
    pruned, after = 0, ""
    while True:
        async with database.transaction() as work:
            many = (App.id > after, App.deleted_at.is_(None), App.last_version > (policy.count or 0))
            apps = list(await work.session.scalars(select(App.id).where(*many).order_by(App.id).limit(_BATCH)))
        if not apps:
            return pruned
        for app_id in apps:
            pruned += len(await prune_app(database, policy, app_id))
        after = apps[-1]


async def prune_app(database: Database, policy: Policy, app_id: str) -> list[int]:
    """Prunes those versions of the app that the policy does not keep, and returns the numbers of the pruned
    versions."""
    which = {"app": app_id, "count": policy.count, "age": policy.age, "skew": policy.skew}
    async with database.transaction() as work:
        if not await work.sql(_MAY_GO, which):
            return []
        # The policy is checked again while the app's row is locked, because neither pointers nor versions can change
        # then.
        organisation = await hold(work, app_id)
        numbers = sorted(number for (number,) in await work.sql(_MAY_GO, which)) if organisation else []
        if not numbers:
            return []
        await work.sql(_PRUNE, {"app": app_id, "org": organisation, "numbers": numbers})
        # The records of variants are removed too. Otherwise, a later deploy of the same files would assume that the
        # variants exist.
        await work.sql(_FORGET_VARIANTS, which)
        await work.sql(_FORGET_CONFIGURATIONS, which)
        await work.session.execute(update(App).where(App.id == app_id).values(prunings=App.prunings + 1))
        await routing_changed(work, app_id)
    logger.info("pruned %d versions of %s", len(numbers), app_id)
    return numbers


async def pruned_among(work: Transaction, app_id: str, numbers: list[int]) -> set[int]:
    """Returns the numbers of the pruned versions among the given version numbers."""
    return set(
        await work.session.scalars(
            select(PrunedVersion.number).where(PrunedVersion.app_id == app_id, PrunedVersion.number.in_(numbers))
        )
    )
