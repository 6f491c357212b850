"""Letting old versions go, where the operator wants that. By default every version is kept for ever.

A pruned version keeps its number, its record, its manifest and its sources: it is listed, and its files are compared,
as before. It gives up its bundle, so it can neither be served, restored nor downloaded; and its configuration, unless
another version has the same or a rollback leads to it. Its objects are not removed here but by the sweep of orphans,
which removes what nothing refers to any more.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, LiteralString

from easel.apps.changes import routing_changed
from easel.settings import Settings
from easel.storage.database import Database, Transaction

logger = logging.getLogger(__name__)

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Policy:
    """Which versions of an app may go: those that are neither among the newest `count` nor younger than `age` seconds.

    None asks nothing. `skew` is for how many seconds an environment's earlier versions still answer for open tabs.
    """

    count: int | None
    age: float | None
    skew: float

    @staticmethod
    def of(settings: Settings) -> Policy | None:
        """The operator's policy, or None where everything is kept."""
        if settings.versions_kept is None and settings.versions_kept_for is None:
            return None
        return Policy(settings.versions_kept, settings.versions_kept_for, settings.skew_retention)


# Versions that failed their smoke test are counted apart, so that they push out no good one.
# Never what an environment serves, what it served within the skew window or last before that, nor what a deploy that
# has not ended is about to make live.
_MAY_GO: LiteralString = """
with kept as (
    select v.number, v.deployed_at,
           row_number() over (partition by coalesce(d.status = 'failed', false) order by v.number desc) as place
      from version v left join pruned p on p.app_id = v.app_id and p.number = v.number
      left join deploy d on d.id = v.deploy_id
     where v.app_id = %(app)s and v.manifest_key is not null and p.number is null
), moves as (
    select from_version, at, row_number() over (partition by environment order by id desc) as place
      from audit
     where app_id = %(app)s and from_version is not null and from_version is distinct from to_version
)
select number from kept
 where (%(count)s::bigint is null or place > %(count)s)
   and (%(age)s::float8 is null or deployed_at < now() - make_interval(secs => %(age)s))
   and number not in (select version from environment where app_id = %(app)s and version is not null)
   and number not in (
       select from_version from moves where place = 1 or at > now() - make_interval(secs => %(skew)s))
   and number not in (
       select version from deploy
        where app_id = %(app)s and version is not null and status in ('queued', 'building'))
"""
_HOLD: LiteralString = "select org_id from app where id = %(app)s and deleted_at is null for no key update"
_PRUNE: LiteralString = (
    "insert into pruned (app_id, number, org_id, at)"
    " select %(app)s::text, number, %(org)s::text, now() from unnest(%(numbers)s::integer[]) as number"
)
_FORGET_VARIANTS: LiteralString = """
delete from variants x where x.app_id = %(app)s and not exists (
    select from version v left join pruned p on p.app_id = v.app_id and p.number = v.number
     where v.app_id = x.app_id and v.manifest_key = x.manifest_key and p.number is null)
"""
# What a rollback brings back is the configuration that was published before the one that is live, or, before the first
# publish, that of the version before it.
_FORGET_CONFIGURATIONS: LiteralString = """
with live as (
    select v.number, v.previous_published
      from version v join app a on a.id = v.app_id and a.published_version = v.number
     where v.app_id = %(app)s
), needed as (
    select v.config_hash
      from version v left join pruned p on p.app_id = v.app_id and p.number = v.number
     where v.app_id = %(app)s
       and (p.number is null or v.number in (select number from live) or v.number in (
           select coalesce(l.previous_published, (
               select max(b.number) from version b where b.app_id = %(app)s and b.number < l.number)) from live l))
)
delete from configuration where app_id = %(app)s and hash not in (select config_hash from needed)
"""
_COUNT: LiteralString = "update app set prunings = prunings + 1 where id = %(app)s"
_APPS: LiteralString = (
    "select id from app where id > %(after)s and deleted_at is null and last_version > %(count)s"
    " order by id limit %(n)s"
)


async def prune(database: Database, policy: Policy) -> int:
    """Lets every app's versions go that the policy does not keep; gives how many. Each app is a transaction."""
    pruned, after = 0, ""
    while True:
        async with database.transaction() as work:
            apps = await work.sql(_APPS, {"after": after, "count": policy.count or 0, "n": _BATCH})
        if not apps:
            return pruned
        for (app_id,) in apps:
            pruned += len(await prune_app(database, policy, app_id))
        after = apps[-1][0]


async def prune_app(database: Database, policy: Policy, app_id: str) -> list[int]:
    """Lets the app's versions go that the policy does not keep; gives their numbers."""
    which = {"app": app_id, "count": policy.count, "age": policy.age, "skew": policy.skew}
    async with database.transaction() as work:
        if not await work.sql(_MAY_GO, which):
            return []
        # Asked again under the app's row: no pointer moves and nothing is recorded meanwhile.
        held = await work.sql(_HOLD, which)
        numbers = sorted(number for (number,) in await work.sql(_MAY_GO, which)) if held else []
        if not numbers:
            return []
        await work.sql(_PRUNE, {"app": app_id, "org": held[0][0], "numbers": numbers})
        # What was optimised for them goes as well, or a later deploy of the same files would take it for made.
        await work.sql(_FORGET_VARIANTS, which)
        await work.sql(_FORGET_CONFIGURATIONS, which)
        await work.sql(_COUNT, which)
        await routing_changed(work, app_id)
    logger.info("pruned %d versions of %s", len(numbers), app_id)
    return numbers


async def pruned_among(work: Transaction, app_id: str, numbers: list[int]) -> set[int]:
    """Which of these versions of the app are pruned."""
    arguments: dict[str, Any] = {"app": app_id, "numbers": numbers}
    rows = await work.sql(
        "select number from pruned where app_id = %(app)s and number = any (%(numbers)s::integer[])", arguments
    )
    return {number for (number,) in rows}
