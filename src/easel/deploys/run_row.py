"""A deploy's row in the hands of one run of the deploy.

A run takes the row, and from then on each of its transactions ends by writing it: if it still is this run's, or else
nothing of the transaction stands. So nothing need be asked before. In plain statements, as few as can be: all workers'
deploys wait for the same database.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, LiteralString, NamedTuple

from psycopg.types.json import Jsonb

from easel import clock
from easel.deploys.errors import DeployGivenUpError
from easel.deploys.models import Deploy
from easel.deploys.progress import Progress, milliseconds
from easel.deploys.service import APPEND, appended
from easel.deploys.states import FINAL
from easel.storage.database import Database, Transaction
from easel.storage.queue import DEFER
from easel.versions.service import HELD_APP, HeldApp

MOST_RUNS = 80
"""A bundle that kills its workers must not go on killing them for ever. More than trouble of other kinds takes."""

QUIET = 0.25
"""Seconds from a run's start within which followers are told of its end alone, and then between two tellings. A
transaction that notifies waits for all others that do, until each is on disk."""
PATIENCE = 1.0
"""Seconds that a deploy may have waited without somebody growing impatient, who is told that it has begun."""

_APP = len(HeldApp._fields)
_NAMES = [column.name for column in Deploy.__table__.columns]
_JSON = ("warnings", "smoke_test", "timings", "counts")
_COLUMNS = ", ".join(f"deploy.{name}" for name in _NAMES)
_READ: LiteralString = f"select {_COLUMNS} from deploy where id = %(id)s"  # noqa: S608 (made of constants)
_FIND: LiteralString = f"""
select {HELD_APP},
       (select manifest_key from version
         where version.app_id = app.id and manifest_key is not null order by number desc limit 1),
       {_COLUMNS}
  from deploy join app on app.id = deploy.app_id where deploy.id = %(id)s
"""  # noqa: S608 (made of constants)
# An upload waits no longer once a run of a deploy begins with it, and does again if that fails.
# What was read before it is not held: it writes nothing if another run or somebody who cancels was faster, nor if the
# run before, which goes on until it is taken over, has written meanwhile: each write of a run has another step.
_WRITTEN: LiteralString = f"""
with written as (
    update deploy
       set started_at = %(started_at)s, finished_at = %(finished_at)s, status = %(status)s, step = %(step)s,
           attempt = %(attempt)s, bundle_key = %(bundle_key)s, manifest_key = %(manifest_key)s, version = %(version)s,
           outcome = %(outcome)s, error = %(error)s, error_code = %(error_code)s, warnings = %(warnings)s,
           smoke_test = %(smoke_test)s, timings = %(timings)s, counts = %(counts)s
     where id = %(id)s and attempt = %(known_attempt)s and step is not distinct from %(known_step)s::text
       and status in ('queued', 'building')
    returning id
), counted as (
    update upload set waiting = not waiting
     where key = %(bundle_s3_key)s and waiting = (%(status)s::text <> 'failed') and exists (select from written)
       and (%(step)s::text = 'start' or %(status)s::text = 'failed')
), {APPEND}"""  # noqa: S608 (made of constants)
_WRITE: LiteralString = f"{_WRITTEN} from written"
_WRITE_THEN: LiteralString = f"{_WRITTEN}, {DEFER} from written"

Ask = Callable[[LiteralString, Mapping[str, Any]], Awaitable[list[tuple[Any, ...]]]]


class NoLongerOursError(Exception):
    """The deploy ended, or another run has taken it over; this run must change nothing more."""


class Taken(NamedTuple):
    """A deploy that was taken, its app, and the key of the manifest of the app's latest version."""

    deploy: Deploy
    app: HeldApp
    before: str | None


class Holding:
    """What one run holds of its deploy: the row as it last wrote it, and which of the deploy's runs it is."""

    def __init__(self, database: Database, deploy_id: str, progress: Progress) -> None:
        self._database = database
        self._id = deploy_id
        self._progress = progress
        self._attempt: int | None = None
        self._known: Deploy | None = None
        self._as_read: dict[str, Any] = {}
        self._said = 0
        self._told = -QUIET

    async def take(self) -> Taken | None:
        """Takes the deploy over for this run. None when it has ended already. Raises DeployGivenUpError."""
        while True:
            found = await self._database.statement(_FIND, {"id": self._id})
            if not found:
                return None
            app, (before, *row) = HeldApp(*found[0][:_APP]), found[0][_APP:]
            deploy = _deploy(row)
            if deploy.status in FINAL:
                return None
            if deploy.attempt >= MOST_RUNS:
                raise DeployGivenUpError(runs=deploy.attempt)
            # Until it is known to be taken, only what nobody else has taken either may be ended.
            self._attempt = deploy.attempt
            self._as_read, self._said = _guard(deploy), 0
            self._begin(deploy)
            with suppress(NoLongerOursError):
                await self.write(deploy)
                break
        self._attempt = deploy.attempt
        return Taken(deploy, app, before)

    def _begin(self, deploy: Deploy) -> None:
        deploy.attempt += 1
        deploy.step = "start"
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

    async def read(self) -> Deploy:
        """The row, to be changed and given to `write`. Raises NoLongerOursError."""
        return await self._read(self._database.statement)

    async def write(self, deploy: Deploy, *, then: Mapping[str, Any] | None = None) -> None:
        """Writes the row, what is new in the run's log and timings, and the job to be done then (`deferred`), in one
        statement. Raises NoLongerOursError."""
        with self._said_only_if_written():
            await self._write(self._database.statement, deploy, then)
        self._known = deploy

    @asynccontextmanager
    async def ours(self) -> AsyncIterator[tuple[Transaction, Deploy]]:
        """A transaction with the deploy's row, which is written at its end. Raises NoLongerOursError, and undoes what
        was done in it, when it turns out then that the deploy is not this run's any more."""
        with self._said_only_if_written():
            async with self._database.transaction() as work:
                deploy = await self._read(work.sql)
                yield work, deploy
                await self._write(work.sql, deploy, None)
        self._known = deploy

    async def _read(self, ask: Ask) -> Deploy:
        # While it is this run's nobody else writes into the row, but to end it: what the last transaction left there
        # still holds, unless that was rolled back.
        deploy, self._known = self._known, None
        if deploy is None:
            found = await ask(_READ, {"id": self._id})
            if not found:
                raise NoLongerOursError
            deploy = _deploy(found[0])
        if deploy.status in FINAL or self._attempt not in (None, deploy.attempt):
            raise NoLongerOursError
        self._as_read, self._said = _guard(deploy), len(self._progress.lines)
        return deploy

    async def _write(self, ask: Ask, deploy: Deploy, then: Mapping[str, Any] | None) -> None:
        deploy.timings = dict(self._progress.timings)
        row = {name: getattr(deploy, name) for name in _NAMES}
        for name in _JSON:
            if row[name] is not None:
                row[name] = Jsonb(row[name])
        now = time.monotonic()
        tell = deploy.status in FINAL or now - self._told >= QUIET
        if tell:
            self._told = now
        row |= appended(self._id, self._progress.lines, tell=tell) | self._as_read
        if not await (ask(_WRITE, row) if then is None else ask(_WRITE_THEN, {**row, **then})):
            raise NoLongerOursError

    @contextmanager
    def _said_only_if_written(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._progress.unsay(self._said)
            raise
        self._progress.written(len(self._progress.lines))


def _guard(deploy: Deploy) -> dict[str, Any]:
    return {"known_attempt": deploy.attempt, "known_step": deploy.step}


def _deploy(row: Sequence[Any]) -> Deploy:
    return Deploy(**dict(zip(_NAMES, row, strict=True)))
