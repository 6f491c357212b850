"""The queue of background jobs: procrastinate, in the same database as the records."""

from __future__ import annotations

from typing import Any

from procrastinate import App, PsycopgConnector
from psycopg import AsyncConnection

from easel.storage.database import Transaction

DEPLOYS = "deploys"
BACKGROUND = "background"


async def _autocommit(connection: AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)


def queue_app(url: str, *, max_size: int = 6) -> App:
    """The queue on the database at the URL; tasks are added by whoever runs a worker."""
    return App(
        connector=PsycopgConnector(
            conninfo=url,
            min_size=1,
            max_size=max_size,
            # Every statement of the queue is complete in itself: a transaction around it is two trips for nothing.
            configure=_autocommit,
        ),
        periodic_defaults={},
    )


class Queue:
    """Puts jobs on the queue inside the caller's transaction: no row without its job, no job without its row."""

    def __init__(self, url: str) -> None:
        self._app = queue_app(url)

    async def defer(self, work: Transaction, task: str, *, queue: str, lock: str | None, **arguments: Any) -> None:
        """Enqueues `task`; jobs with the same lock run one after another, in the order they were enqueued."""
        await self._app.configure_task(task, queue=queue, lock=lock, connection=await work.connection()).defer_async(
            **arguments
        )
