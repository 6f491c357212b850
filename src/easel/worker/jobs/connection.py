"""The connection of procrastinate (the library behind the queue) to the database, as workers use it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from easel.storage.connections import noticing
from easel.storage.queue import BUILDS, DEPLOYS, ConcurrencyLimit
from easel.storage.statements import statements

_SQL = statements(__name__)


async def _configure(connection: AsyncConnection[Any]) -> None:
    # Every statement of the queue is atomic. A transaction around it would cost two round trips.
    await connection.set_autocommit(True)
    # No write needs to survive a crash of the database's machine, because the job would run once more, which changes
    # nothing. Jobs are enqueued on their callers' connections, in durable transactions.
    await connection.execute("set synchronous_commit = off")


def _pool(**named: Any) -> AsyncConnectionPool[Any]:
    # procrastinate would check the connection before each statement. Here, a failed statement is retried instead.
    return AsyncConnectionPool(**{**named, "check": None})


def queue_app(url: str, *, max_size: int = 6, at_once: ConcurrencyLimit = ConcurrencyLimit()) -> App:  # noqa: B008 (frozen)
    """Returns the queue in the database at the URL, with a pool of `max_size` connections. The worker adds its tasks to
    the queue."""
    app = App(
        connector=PsycopgConnector(
            conninfo=url,
            min_size=1,
            max_size=max_size,
            # Connections beyond the first are for concurrent queries. While they are idle, one of them is closed each
            # minute.
            max_idle=60,
            configure=_configure,
            kwargs=noticing(url),
            # The pool's own backoff doubles without limit. With this timeout, the backoff ends after a second, and
            # starts again at the next request. The requests that waited fail, and are retried.
            reconnect_timeout=1,
            timeout=2,
            pool_factory=_pool,
        ),
        periodic_defaults={},
    )
    app.job_manager = _Jobs(app, at_once)
    return app


class _Jobs(JobManager):
    """procrastinate's job manager, which claims jobs with Easel's own function in the database (see migration 0013)."""

    def __init__(self, app: App, at_once: ConcurrencyLimit) -> None:
        super().__init__(app.connector)
        self._tasks = app.tasks
        self._at_once = at_once

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Claims the next job of these queues for the worker. Returns None if there is no job. Raises
        ConnectorException."""
        wanted = list(queues or ())
        limits = self._at_once if wanted in ([DEPLOYS], [BUILDS]) else ConcurrencyLimit()
        rows = await self.connector.execute_query_all_async(
            _SQL["fetch"],
            queues=wanted,
            tasks=list(self._tasks),
            worker=worker_id,
            everywhere=limits.everywhere,
            organisation=limits.organisation,
            places=limits.places,
        )
        return Job.from_row(rows[0]) if rows else None


async def take_over(app: App, silent_for: float) -> list[tuple[int, str]]:
    """Requeues the jobs of workers that have sent no heartbeat for `silent_for` seconds. Returns the ids and tasks of
    these jobs. Raises ConnectorException."""
    rows = await app.connector.execute_query_all_async(_SQL["take_over"], silent_for=silent_for)
    return [(row["id"], row["task_name"]) for row in rows]


async def waits(app: App, queue: str) -> bool:
    """Returns true if a job of the queue waits and may be run now, regardless of limits and locks. Raises
    ConnectorException."""
    rows = await app.connector.execute_query_all_async(_SQL["waits"], queue=queue)
    return bool(rows[0]["waits"])
