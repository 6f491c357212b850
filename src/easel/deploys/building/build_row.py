"""A deploy's row in the hands of a builder's run, and the lines of its build that are told while it prints."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from easel import clock
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
"""Lines of a build that are kept, and `LAST_LINES` more: the last ones, which tell why it failed."""
LAST_LINES: Final = 200
AT_ONCE: Final = 1_000
"""Lines that are written at a time."""


class BuildRow(RunRow):
    """What a builder's run holds of its deploy. `facts` are columns that each write of the row sets.

    The build prints while its run writes, so one write follows the other: `output` only keeps a line.
    """

    written, written_then = _SQL["write"], _SQL["write_then"]
    first_step = "prepare"

    def __init__(self, database: Database, deploy_id: str) -> None:
        super().__init__(database, deploy_id)
        self.facts: dict[str, Any] = {}
        self._turn = asyncio.Lock()
        self._output: deque[tuple[datetime, str]] = deque()
        self._taken = 0
        self._last: deque[tuple[datetime, str]] = deque(maxlen=LAST_LINES)

    def is_for_us(self, deploy: DeployRow) -> bool:
        """Whether the deploy is to be built: a job may come twice, and its deploy have been handed on."""
        return deploy.built_key is None and deploy.step in BUILD_STEPS

    def output(self, line: str) -> None:
        """Adds a line to the log, of which `MOST_LINES` are told as they come."""
        lines = self._output if self._taken < MOST_LINES else self._last
        lines.append((clock.now(), line.replace("\0", "")))
        self._taken += 1

    @property
    def has_output(self) -> bool:
        """Whether there are lines to tell."""
        return bool(self._output)

    async def tell(self) -> None:
        """Writes lines, a thousand at a time, and wakes the clients that follow. Raises NoLongerOursError if the deploy
        is no longer this run's, AppGoneError; and database errors, after which the next call tells the same lines."""
        async with self._turn:
            if not await self._tell():
                raise AppGoneError()

    async def write(self, change: Callable[[DeployRow], str | None], then: Mapping[str, Any] | None = None) -> None:
        """Writes the lines that are left and then the row as `change` leaves it, with the line that it returns, and
        the job `then`. Raises NoLongerOursError and database errors."""
        async with self._turn:
            while self._output:
                await self._tell()
            async with self.alone():
                line = change(self.deploy)
                if line is not None:
                    self.say(line)
                self.then = then

    def end_output(self) -> None:
        """Adds the last lines of a log that was too long to tell, after a line about those that are left out."""
        left_out = self._taken - MOST_LINES - len(self._last)
        if left_out > 0:
            self._output.append((clock.now(), f"… {left_out:,} lines are left out here …"))
        self._output.extend(self._last)
        self._last.clear()
        self._taken = min(self._taken, MOST_LINES)

    async def _tell(self) -> bool:
        """Whether the deploy's app is still there."""
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
