"""What queued deploys wait for: a worker, or something that holds them back however many workers there are."""

from __future__ import annotations

from typing import Final, LiteralString, cast, get_args

from easel.deploys.schemas import Cause
from easel.settings import Settings
from easel.storage.database import Transaction
from easel.storage.queue import AtOnce

CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)

_ALIVE = 30
"""Seconds within which a worker must have given a sign: what dead ones have begun holds nobody back by design."""

# A deploy that pauses before it is tried again holds back its app, but takes no place.
_BUSY: LiteralString = """
with busy as materialized (
    select d.org_id, d.app_id, j.status = 'doing' as runs
      from procrastinate_jobs j
      join deploy d on d.id = j.args ->> 'deploy_id'
      left join procrastinate_workers w on w.id = j.worker_id
     where j.queue_name = 'deploys'
       and (j.status = 'doing' and w.last_heartbeat > now() - make_interval(secs => %(alive)s)
            or j.status = 'todo' and j.scheduled_at > now())
), crowded as materialized (
    select org_id from busy where runs group by org_id having count(*) >= %(organisation)s::bigint
)
"""
_CAUSE: LiteralString = """
       case when d.app_id in (select app_id from busy) then 'app'
            when d.org_id in (select org_id from crowded) then 'organisation'
            when (select count(*) from busy where runs) >= %(everywhere)s::bigint then 'everywhere'
            else 'worker' end
"""

# The first of each app, since its turn came: those behind it wait for nothing else.
_LONGEST: LiteralString = f"""
{_BUSY}
, first as materialized (
    select distinct on (app_id) app_id, org_id, sequence, queued_at
      from deploy where status = 'queued' order by app_id, sequence
)
select {_CAUSE},
       greatest(extract(epoch from now() - min(greatest(d.queued_at, before.finished_at))), 0)::float8
  from first d
  left join lateral (
      select o.finished_at from deploy o
       where o.app_id = d.app_id and o.sequence < d.sequence order by o.sequence desc limit 1
  ) before on true
 group by 1
"""  # noqa: S608 (made of constants)

_OF_AN_APP: LiteralString = f"""
{_BUSY}
select {_CAUSE} from (select %(app)s::text as app_id, %(org)s::text as org_id) d
"""  # noqa: S608 (made of constants)


def limits_in(settings: Settings) -> AtOnce:
    """The limits that workers with these settings have."""
    return AtOnce(settings.deploys_at_once, settings.deploys_at_once_per_organisation or None)


async def waits_for(work: Transaction, limits: AtOnce, *, app: str, organisation: str) -> Cause:
    """What the first queued deploy of the organisation's app waits for. `limits` are those that the workers have."""
    ((cause,),) = await work.sql(_OF_AN_APP, {**_asked(limits), "app": app, "org": organisation})
    return cast("Cause", cause)


async def longest_waits(work: Transaction, limits: AtOnce) -> dict[Cause, float]:
    """How long (seconds) the deploy has waited that has waited longest, by what for; 0 where none does.

    `limits` are those that the workers have. A deploy behind another one of its app waits since that one ended.
    """
    longest = dict.fromkeys(CAUSES, 0.0)
    for cause, seconds in await work.sql(_LONGEST, _asked(limits)):
        longest[cause] = seconds
    return longest


def _asked(limits: AtOnce) -> dict[str, int | None]:
    return {"alive": _ALIVE, "organisation": limits.organisation, "everywhere": limits.everywhere}
