"""What queued deploys wait for: a worker, or something that holds them back however many workers there are."""

from __future__ import annotations

from typing import Final, cast, get_args

from easel.deploys.schemas import Cause
from easel.settings import Settings
from easel.storage.database import Transaction
from easel.storage.queue import AtOnce
from easel.storage.statements import statements

_SQL = statements(__name__)

CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)

_ALIVE = 30
"""Seconds within which a worker must have given a sign: what dead ones have begun holds nobody back by design."""


_LONGEST = _SQL["longest"]

_OF_AN_APP = _SQL["of_an_app"]


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
