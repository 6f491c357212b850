"""Finds out why a queued deploy waits: no worker is free, no builder is free, or a limit holds the deploy back."""

from __future__ import annotations

from typing import Final, NamedTuple, cast, get_args

from easel.deploys.models import Deploy
from easel.deploys.schemas import Cause
from easel.deploys.states import BUILD_QUEUED, BUILT, FINAL, QUEUED
from easel.settings import Settings
from easel.storage.database import Transaction
from easel.storage.queue import BUILDS, DEPLOYS, ConcurrencyLimit
from easel.storage.statements import statements

_SQL = statements(__name__)

CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)

_ALIVE = 30
"""Maximum age in seconds of the last heartbeat of a worker that counts as alive. The jobs of dead workers delay no
deploy."""


_LONGEST = _SQL["longest"]

_OF_AN_APP = _SQL["of_an_app"]


class Limits(NamedTuple):
    """How many deploys workers may run at the same time, and how many builds builders may run."""

    deploys: ConcurrencyLimit
    builds: ConcurrencyLimit = ConcurrencyLimit()


def limits_in(settings: Settings) -> Limits:
    """Returns the limits of workers and builders that the settings contain."""
    return Limits(
        ConcurrencyLimit(settings.deploys_at_once, settings.deploys_at_once_per_organisation or None),
        ConcurrencyLimit(settings.builds_at_once, settings.builds_at_once_per_organisation or None),
    )


def waiting_in(deploy: Deploy) -> str | None:
    """Returns the name of the queue in which the deploy waits. Returns None while the deploy runs, and after it has
    ended."""
    if deploy.status in FINAL:
        return None
    if deploy.step == BUILD_QUEUED:
        return BUILDS
    return DEPLOYS if deploy.status == QUEUED or deploy.step == BUILT else None


async def waits_for(work: Transaction, limits: Limits, *, app: str, organisation: str, queue: str = DEPLOYS) -> Cause:
    """Returns the reason why the first of the organisation's deploys in this queue waits. `limits` are the limits of
    workers and builders."""
    ((cause,),) = await work.sql(_OF_AN_APP, {**_asked(limits), "app": app, "org": organisation, "queue": queue})
    return cast("Cause", cause)


async def longest_waits(work: Transaction, limits: Limits) -> dict[Cause, float]:
    """Returns, for each cause, the number of seconds for which the longest waiting deploy has waited. This is 0 if no
    deploy waits. `limits` are the limits of workers and builders.

    If a deploy comes after another deploy of its app, its wait begins when that deploy ends.
    """
    longest = dict.fromkeys(CAUSES, 0.0)
    for cause, seconds in await work.sql(_LONGEST, _asked(limits)):
        longest[cause] = seconds
    return longest


def _asked(limits: Limits) -> dict[str, int | None]:
    return {
        "alive": _ALIVE,
        "organisation": limits.deploys.organisation,
        "everywhere": limits.deploys.everywhere,
        "builds_organisation": limits.builds.organisation,
        "builds_everywhere": limits.builds.everywhere,
    }
