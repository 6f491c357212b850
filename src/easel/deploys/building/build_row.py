"""A deploy's row in the database while a builder works on it, and the lines of the build's log."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from easel import clock
from easel.builds.report import BuildReport
from easel.deploys.building.store_bundle import report_of
from easel.deploys.deploy_row import DeployRow
from easel.deploys.errors import AppGoneError
from easel.deploys.run_row import Ask, NoLongerOursError, RunRow
from easel.deploys.service import appended
from easel.deploys.states import BUILD_STEPS
from easel.storage.database import Database
from easel.storage.statements import statements

_SQL = statements(__name__)
SETTINGS = _SQL["settings"]

MOST_LINES: Final = 20_000
"""Maximum number of lines of a build's log. If the log is longer, its last `LAST_LINES` are kept as well, because they
show why the build failed."""
LAST_LINES: Final = 200
AT_ONCE: Final = 1_000
"""Maximum number of log lines in one write."""


class BuildRow(RunRow):
    """A deploy's row in the database while a builder works on the deploy. `facts` are columns that every write of the
    row sets.

    The build prints lines while the row is written. Writes are made one after another, and `output` only queues a line.
    """

    written, written_then = _SQL["write"], _SQL["write_then"]
    first_step = "prepare"

    def __init__(self, database: Database, deploy_id: str) -> None:
        super().__init__(database, deploy_id)
        self.facts: dict[str, Any] = {}
        self._turn = asyncio.Lock()
        self._output: deque[tuple[datetime, str]] = deque()
        self._taken = 0
        self._shown_refused = 0
        self._last: deque[tuple[datetime, str]] = deque(maxlen=LAST_LINES)

    def is_for_us(self, deploy: DeployRow) -> bool:
        """Returns true if the deploy still needs a build. A job may be delivered a second time after the deploy was
        passed on."""
        return deploy.built_key is None and deploy.step in BUILD_STEPS

    def output(self, line: str) -> None:
        """Adds a line to the build's log. The first `MOST_LINES` lines are written while the build runs."""
        lines = self._output if self._taken < MOST_LINES else self._last
        lines.append((clock.now(), line.replace("\0", "")))
        self._taken += 1

    @property
    def has_output(self) -> bool:
        """Returns true if there are log lines that are not written yet."""
        return bool(self._output)

    async def tell(self) -> None:
        """Writes the queued log lines, a thousand at a time, and notifies the clients that follow the log. Raises
        NoLongerOursError if the deploy no longer belongs to this run. Raises database errors, after which the next call
        writes the same lines."""
        async with self._turn:
            if not await self._tell():
                raise AppGoneError()

    async def write(self, change: Callable[[DeployRow], str | None], then: Mapping[str, Any] | None = None) -> None:
        """Writes the row after `change` has changed it. `change` returns a last line for the log, or None. The queued
        log lines are written before the row, and the job `then` is enqueued with it. Raises NoLongerOursError and
        database errors."""
        async with self._turn:
            while self._output:
                await self._tell()
            async with self.alone():
                line = change(self.deploy)
                if line is not None:
                    self.say(line)
                self.then = then

    async def show(self, report: BuildReport) -> None:
        """Writes the row if its step has changed, or if a host was refused, since the last call. Raises the errors of
        `write`."""
        refused = len(report.refused_hosts)
        if refused > self._shown_refused:
            self.facts["build"] = report_of(report)
        elif self.step == self.deploy.step:
            return
        await self.write(self.set_step)
        self._shown_refused = refused

    def set_step(self, deploy: DeployRow) -> None:
        """Sets the row's step to the current step."""
        deploy.step = self.step

    def end_output(self) -> None:
        """Queues the last lines of a log that exceeded the limit. The first of them says how many lines are left
        out."""
        left_out = self._taken - MOST_LINES - len(self._last)
        if left_out > 0:
            self._output.append((clock.now(), f"… {left_out:,} lines of the log are left out here …"))
        self._output.extend(self._last)
        self._last.clear()
        self._taken = min(self._taken, MOST_LINES)

    async def _tell(self) -> bool:
        """Writes queued log lines. Returns false if the deploy's app was deleted. Raises NoLongerOursError and database
        errors."""
        lines = [self._output.popleft() for _ in range(min(len(self._output), AT_ONCE))]
        arguments = appended(self._id, lines, tell=bool(lines)) | {"known_attempt": self.deploy.attempt}
        try:
            found = await self._database.statement(_SQL["add_lines"], arguments)
        except BaseException:
            self._output.extendleft(reversed(lines))
            raise
        if not found:
            raise NoLongerOursError
        return bool(found[0][1])

    async def _write(self, ask: Ask) -> None:
        for name, value in self.facts.items():
            setattr(self.deploy, name, value)
        await super()._write(ask)
