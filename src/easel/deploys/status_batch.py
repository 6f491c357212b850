"""The statuses of deploys, for polling clients. One statement answers many polls within a few milliseconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from easel.access.secrets import hash_key
from easel.storage.connections import OwnConnection
from easel.storage.statements import statements

_SQL = statements(__name__)

PAUSE = 0.01
"""Minimum number of seconds between two statements while many clients poll. The first poll does not wait."""
MANY = 8
"""Maximum number of clients polling within `LATELY` seconds whose polls are answered at once. With more clients,
several polls share a statement."""
LATELY = 0.1
"""Number of seconds in which a client's last poll counts as recent."""
_QUERY_TIMEOUT = 5.0

READ = _SQL["read"]


class DeployStatus(NamedTuple):
    """The current state of a deploy, with its app's slug and its organisation's id."""

    org_id: str
    slug: str
    id: str
    app_id: str
    status: str
    environment: str
    source: str
    bundle_s3_key: str | None
    message: str
    queued_at: datetime
    queued_by: str
    error: str | None
    error_code: str | None
    smoke_test: dict[str, Any] | None
    version: int | None
    outcome: str | None
    warnings: list[str]
    step: str | None
    timings: dict[str, int]
    counts: dict[str, int] | None
    started_at: datetime | None
    finished_at: datetime | None
    git_commit_sha: str | None
    git_commit_message: str | None
    git_author: str | None
    git_branch: str | None
    build: dict[str, Any] | None


class _StatusQuery(NamedTuple):
    key: str
    app_id: str
    deploy_id: str


class _Crowd:
    """Counts the clients that have polled recently."""

    def __init__(self) -> None:
        self._asked: set[_StatusQuery] = set()
        self._before = 0
        self._since = 0.0

    def is_large(self, more: Iterable[_StatusQuery]) -> bool:
        """Counts these polls. Returns true if many clients have polled recently."""
        now = time.monotonic()
        if now - self._since > LATELY:
            self._before = len(self._asked) if now - self._since < 2 * LATELY else 0
            self._asked.clear()
            self._since = now
        self._asked.update(more)
        return max(len(self._asked), self._before) > MANY


class Polls:
    """Reads deploys for polling clients, on a separate connection. Each statement starts after the arrival of the
    requests that it answers, so each request gets the current state."""

    def __init__(self, url: str) -> None:
        self._connection = OwnConnection(url)
        self._waiting: dict[_StatusQuery, asyncio.Future[DeployStatus | None]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._crowd = _Crowd()

    async def read(self, secret: str, app_id: str, deploy_id: str) -> DeployStatus | None:
        """Returns the current state of the deploy. Returns None if the API key (`secret`), the app or the deploy does
        not exist. Raises psycopg.Error, OSError or TimeoutError while the database is unreachable."""
        asked = _StatusQuery(hash_key(secret), app_id, deploy_id)
        answer = self._waiting.get(asked)
        if answer is None:
            answer = self._waiting[asked] = asyncio.get_running_loop().create_future()
            if self._reader is None:
                self._reader = asyncio.create_task(self._read_on(), name="polls")
        # A caller who disconnects must not cancel the results of other callers.
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Cancels a running query, and closes the connection to the database."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self._connection.close()

    async def _read_on(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, {}
                try:
                    found = await self._read(list(waiting))
                except asyncio.CancelledError:
                    for answer in waiting.values():
                        answer.cancel()
                    raise
                except Exception as error:
                    await self._connection.close()
                    for answer in waiting.values():
                        answer.set_exception(error)
                        # The caller may have disconnected. Without this call, its error would be logged as unhandled.
                        answer.exception()
                else:
                    for number, answer in enumerate(waiting.values(), 1):
                        answer.set_result(found.get(number))
                if self._crowd.is_large(waiting):
                    await asyncio.sleep(PAUSE)
        finally:
            self._reader = None

    async def _read(self, asked: list[_StatusQuery]) -> dict[int, DeployStatus]:
        keys, apps, deploys = map(list, zip(*asked, strict=True))
        async with self._connection.within(_QUERY_TIMEOUT) as connection:
            rows = await connection.execute(READ, {"keys": keys, "apps": apps, "deploys": deploys})
            return {number: DeployStatus(*row) for number, *row in await rows.fetchall()}
