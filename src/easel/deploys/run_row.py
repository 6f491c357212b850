"""A deploy's row in the database during one run of the deploy, with the log and the timings that are written with it.

A run claims the row. From then on, each of its transactions ends by writing the row on the condition that the row still
belongs to this run. Otherwise, the transaction is rolled back. The run therefore needs no check before its work. It
uses few, plain statements, because the deploys of all workers wait for the same database.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import fields
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg.types.json import Jsonb

from easel import clock
from easel.deploys.deploy_row import DeployRow
from easel.deploys.errors import DeployGivenUpError
from easel.deploys.metrics import STEP_SECONDS
from easel.deploys.service import appended
from easel.deploys.states import BUILD_QUEUED, BUILD_STEPS, BUILDING, BUILT, FINAL, QUEUED
from easel.storage.database import Database, Transaction
from easel.storage.statements import statements
from easel.versions.service import HeldApp

_SQL = statements(__name__)

MOST_RUNS = 80
"""Maximum number of times that a deploy is run. Without this limit, a bundle that kills its workers would be run for
ever. Other failures take fewer runs."""

QUIET = 0.25
"""Seconds after a run's start in which the clients that follow the log are notified only of the run's end. Later, this
is the minimum time between two notifications. A transaction that notifies waits until all other such transactions are
on disk."""
QUIET_START = 1.0
"""If a deploy has waited in the queue for more than this number of seconds, clients are notified of its start."""

_APP = len(HeldApp._fields)
_NAMES = [field.name for field in fields(DeployRow)]
_JSON = ("warnings", "smoke_test", "timings", "counts", "build")

Ask = Callable[[LiteralString, Mapping[str, Any]], Awaitable[list[tuple[Any, ...]]]]


class StopRequestedError(Exception):
    """The process is shutting down, so this run of the deploy stops. Another run continues the deploy."""


class NoLongerOursError(Exception):
    """The deploy has ended, or another run has taken it over. This run must not change the deploy any more."""


class ClaimedDeploy(NamedTuple):
    """A deploy's app when the deploy was claimed, and the key of the manifest of the app's latest version (None if
    there is none)."""

    app: HeldApp
    before: str | None


class _Kept(NamedTuple):
    """A database transaction that stays open, so that the next `with` block can continue it. `said` is the number of
    log lines that existed before the transaction began."""

    stack: AsyncExitStack
    work: Transaction
    said: int


class RunRow:
    """A deploy's row in the database during one run of the deploy, with the log lines to write with it, and the
    durations of the steps (`timings`, milliseconds by step, including earlier runs).

    `step` is the current step. `then` is a job that the next write enqueues as well.
    """

    written, written_then = _SQL["write"], _SQL["write_then"]
    """The SQL statements that write the row, without and with a job."""
    first_step = "start"

    def __init__(self, database: Database, deploy_id: str) -> None:
        self._database = database
        self._id = deploy_id
        self.step = "start"
        self.timings: dict[str, int] = {}
        self.then: Mapping[str, Any] | None = None
        self._lines: list[tuple[datetime, str]] = []
        self._deploy: DeployRow | None = None
        self._is_known = False
        self._attempt: int | None = None
        self._as_read: dict[str, Any] = {}
        self._told = -QUIET
        self._kept: _Kept | None = None

    @property
    def deploy(self) -> DeployRow:
        """Returns the deploy's row, including the changes of the current block (`ours`, `alone`)."""
        assert self._deploy is not None
        return self._deploy

    def say(self, line: str) -> None:
        """Adds a line to the deploy's log. If the surrounding block is rolled back, the line is dropped."""
        self._lines.append((clock.now(), line))

    def took(self, step: str, seconds: float) -> None:
        """Records that a step of the deploy took this number of seconds."""
        STEP_SECONDS.labels(step).observe(seconds)
        self.timings[step] = milliseconds(seconds)

    def is_for_us(self, deploy: DeployRow) -> bool:
        """Returns true if the unfinished deploy is at a step for a worker. A job may be delivered a second time when a
        builder already has the deploy."""
        return deploy.built_key is not None or deploy.step not in BUILD_STEPS

    async def take(self) -> ClaimedDeploy | None:
        """Claims the deploy for this run, and returns its app. Returns None if the deploy has ended. Raises
        DeployGivenUpError."""
        while True:
            found = await self._database.statement(_SQL["find"], {"id": self._id})
            if not found:
                return None
            app, (before, *row) = HeldApp(*found[0][:_APP]), found[0][_APP:]
            taken, self._deploy = ClaimedDeploy(app, before), DeployRow(*row)
            if self.deploy.status in FINAL or not self.is_for_us(self.deploy):
                return None
            if self.deploy.attempt >= MOST_RUNS:
                raise DeployGivenUpError(runs=self.deploy.attempt)
            # Until this claim is written, the run may end the deploy only if no other run has claimed it.
            self._attempt, self._is_known = self.deploy.attempt, True
            with suppress(NoLongerOursError):
                async with self.alone():
                    self._begin()
                self._attempt = self.deploy.attempt
                return taken

    def _begin(self) -> None:
        deploy = self.deploy
        deploy.attempt += 1
        before, deploy.step = deploy.step, self.first_step
        self.timings = dict(deploy.timings)
        if deploy.status == QUEUED:
            deploy.status = BUILDING
            deploy.started_at = clock.now()
            waited = deploy.started_at.timestamp() - deploy.queued_at.timestamp()
            self.timings["queued"] = milliseconds(waited)
            if waited < QUIET_START:
                self._told = time.monotonic()
            self.say(f"Deploying to {deploy.environment}")
        elif before not in (BUILD_QUEUED, BUILT):
            self.say(f"Continuing the deploy after an interruption (attempt {deploy.attempt})")

    @asynccontextmanager
    async def ours(self, *, keep: bool = False) -> AsyncIterator[Transaction]:
        """Yields a transaction that ends by writing the deploy's row.

        Raises NoLongerOursError, and rolls back, if the deploy no longer belongs to this run at the end. With `keep`,
        the transaction stays open. The next block continues and ends it, so that the changes of both blocks are
        committed together or not at all. Between the blocks, the run must not wait for anything, because the app's row
        is locked.
        """
        kept, self._kept = self._kept, None
        with self._undone_together(kept):
            async with AsyncExitStack() as stack:
                if kept is None:
                    said = len(self._lines)
                    work = await stack.enter_async_context(self._database.transaction())
                    await self._read(work.sql)
                else:
                    _, work, said = kept
                    await stack.enter_async_context(kept.stack)
                yield work
                if keep:
                    self._kept = _Kept(stack.pop_all(), work, said)
                    return
                await self._write(work.sql)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Runs a block that changes only the deploy's row, and writes the row in one statement. Raises
        NoLongerOursError."""
        if self._kept is not None:
            async with self.ours():
                yield
            return
        with self._undone_together():
            await self._read(self._database.statement)
            yield
            await self._write(self._database.statement)

    @property
    def is_kept(self) -> bool:
        """Returns true if a database transaction is open that the next block (`ours`, `alone`) continues."""
        return self._kept is not None

    async def abandon(self) -> None:
        """Rolls back a transaction that a block has left open. Does nothing if there is none."""
        if self._kept is not None:
            with suppress(StopRequestedError):
                async with self.ours():
                    raise StopRequestedError

    @contextmanager
    def _undone_together(self, kept: _Kept | None = None) -> Iterator[None]:
        said = len(self._lines) if kept is None else kept.said
        try:
            yield
        except BaseException:
            del self._lines[said:]
            raise
        if self._kept is None:
            self._lines.clear()
            self._is_known = True

    async def _read(self, ask: Ask) -> None:
        # During this run, other processes can only end the deploy, so the row of the last commit is still valid. After
        # a rollback, the row is read again.
        if not self._is_known:
            found = await ask(_SQL["read"], {"id": self._id})
            if not found:
                raise NoLongerOursError
            self._deploy = DeployRow(*found[0])
        self._is_known, self.then = False, None
        if self.deploy.status in FINAL or self._attempt not in (None, self.deploy.attempt):
            raise NoLongerOursError
        self._as_read = {"known_attempt": self.deploy.attempt, "known_step": self.deploy.step}

    async def _write(self, ask: Ask) -> None:
        self.deploy.timings = dict(self.timings)
        # `asdict` makes deep copies, which would take as long as a statement.
        row = {name: getattr(self.deploy, name) for name in _NAMES}
        for name in _JSON:
            if row[name] is not None:
                row[name] = Jsonb(row[name])
        now = time.monotonic()
        tell = self.deploy.status in FINAL or now - self._told >= QUIET
        if tell:
            self._told = now
        row |= appended(self._id, self._lines, tell=tell) | self._as_read
        statement = self.written if self.then is None else self.written_then
        if not await ask(statement, row if self.then is None else {**row, **self.then}):
            raise NoLongerOursError


def milliseconds(seconds: float) -> int:
    """Returns a duration in whole milliseconds. The result is never negative, although the clocks of two machines may
    differ."""
    return max(0, round(seconds * 1000))
