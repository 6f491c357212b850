"""A deploy's row in the hands of one run of the deploy.

A run takes the row, and from then on each of its transactions begins by holding it and finding it still its own, and
ends by writing it. In plain statements, as few as can be: all workers' deploys wait for the same database.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from easel import clock
from easel.deploys.errors import DeployGivenUpError
from easel.deploys.models import Deploy
from easel.deploys.progress import Progress, milliseconds
from easel.deploys.service import APPEND, FINAL, appended
from easel.storage.database import Database, Transaction

MOST_RUNS = 80
"""A bundle that kills its workers must not go on killing them for ever. More than trouble of other kinds takes."""

QUIET = 0.25
"""Seconds from a run's start within which followers are told of its end alone, and then between two tellings. A
transaction that notifies waits for all others that do, until each is on disk."""
PATIENCE = 1.0
"""Seconds that a deploy may have waited without somebody growing impatient, who is told that it has begun."""

_NAMES = [column.name for column in Deploy.__table__.columns]
_JSON = ("warnings", "smoke_test", "timings", "counts")
_COLUMNS = ", ".join(f"deploy.{name}" for name in _NAMES)
_READ: LiteralString = f"select {_COLUMNS} from deploy where id = %(id)s for update"  # noqa: S608 (made of constants)
_TAKE: LiteralString = f"""
select published,
       (select manifest_key from version
         where version.app_id = app.id and manifest_key is not null order by number desc limit 1),
       {_COLUMNS}
  from deploy join app on app.id = deploy.app_id where deploy.id = %(id)s for update of deploy
"""  # noqa: S608 (made of constants)
_HOLD: LiteralString = "select status, attempt from deploy where id = %(id)s for update"
_WRITE: LiteralString = f"""
with written as (
    update deploy
       set started_at = %(started_at)s, finished_at = %(finished_at)s, status = %(status)s, step = %(step)s,
           attempt = %(attempt)s, bundle_key = %(bundle_key)s, manifest_key = %(manifest_key)s, version = %(version)s,
           outcome = %(outcome)s, error = %(error)s, error_code = %(error_code)s, warnings = %(warnings)s,
           smoke_test = %(smoke_test)s, timings = %(timings)s, counts = %(counts)s
     where id = %(id)s
), {APPEND}
"""  # noqa: S608 (made of constants)


class NoLongerOursError(Exception):
    """The deploy ended, or another run has taken it over; this run must change nothing more."""


class Holding:
    """What one run holds of its deploy: the row as it last wrote it, and which of the deploy's runs it is."""

    def __init__(self, database: Database, deploy_id: str, progress: Progress) -> None:
        self._database = database
        self._id = deploy_id
        self._progress = progress
        self._attempt: int | None = None
        self._known: Deploy | None = None
        self._told = -QUIET

    async def take(self) -> tuple[Deploy, dict[str, Any], str | None] | None:
        """Takes the deploy over for this run. Gives its row, the app's published configuration, and the key of the
        manifest of the app's latest version; None when it has ended already. Raises DeployGivenUpError."""
        async with self._database.transaction() as work:
            found = await work.sql(_TAKE, {"id": self._id})
            if not found:
                return None
            published, before, *row = found[0]
            deploy = _deploy(row)
            if deploy.status in FINAL:
                return None
            if deploy.attempt >= MOST_RUNS:
                raise DeployGivenUpError(runs=deploy.attempt)
            deploy.attempt += 1
            self._progress.timings = dict(deploy.timings)
            if deploy.status == "queued":
                deploy.status = "building"
                deploy.started_at = clock.now()
                waited = deploy.started_at.timestamp() - deploy.queued_at.timestamp()
                self._progress.timings["queued"] = milliseconds(waited)
                if waited < PATIENCE:
                    self._told = time.monotonic()
                self._progress.say(f"Deploying to {deploy.environment}")
            else:
                self._progress.say(f"Going on after an interruption (run {deploy.attempt})")
            deploy.step = "start"
            await self.write(work, deploy)
        # Only what is committed is ours: a start that failed must still be able to fail the deploy.
        self._attempt = deploy.attempt
        self._known = deploy
        return deploy, published or {}, before

    @asynccontextmanager
    async def ours(self) -> AsyncIterator[tuple[Transaction, Deploy]]:
        """A transaction that holds the deploy's row, if the deploy is still this run's. Raises NoLongerOursError."""
        # While it is this run's, nobody else writes into the row: what the last transaction left of it still holds,
        # unless that was rolled back.
        known, self._known = self._known, None
        async with self._database.transaction() as work:
            held = await work.sql(_READ if known is None else _HOLD, {"id": self._id})
            if not held:
                raise NoLongerOursError
            if known is None:
                deploy = _deploy(held[0])
                status, attempt = deploy.status, deploy.attempt
            else:
                deploy = known
                status, attempt = held[0]
            if status in FINAL or self._attempt not in (None, attempt):
                raise NoLongerOursError
            yield work, deploy
        self._known = deploy

    async def write(self, work: Transaction, deploy: Deploy) -> None:
        """Writes the row, and what the run has to tell so far into its timings and its log."""
        deploy.timings = dict(self._progress.timings)
        row = {name: getattr(deploy, name) for name in _NAMES}
        for name in _JSON:
            if row[name] is not None:
                row[name] = Jsonb(row[name])
        now = time.monotonic()
        tell = deploy.status in FINAL or now - self._told >= QUIET
        if tell:
            self._told = now
        await work.sql(_WRITE, row | appended(self._id, self._progress.take_lines(), tell=tell))


def _deploy(row: list[Any] | tuple[Any, ...]) -> Deploy:
    return Deploy(**dict(zip(_NAMES, row, strict=True)))
