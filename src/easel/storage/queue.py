"""The queue of background jobs, for callers that put jobs there: procrastinate's, in the same database as the records.

`worker/jobs/` takes them from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from easel.storage.database import Transaction
from easel.storage.statements import statements

DEFER = statements(__name__)["defer"]
"""The statement that puts a job on the queue, with `deferred` for arguments."""

DEPLOYS = "deploys"
BUILDS = "builds"
BACKGROUND = "background"
SWEEPS = "sweeps"


@dataclass(frozen=True, slots=True)
class ConcurrencyLimit:
    """How many jobs of a queue may run at the same time, on all machines together; None is as many as there are workers
    for.

    `places` are those of one worker that one organisation may take all of; a place beyond them is given to an
    organisation that has none there.
    """

    everywhere: int | None = None
    organisation: int | None = None
    places: int | None = None

    @property
    def holds_back(self) -> bool:
        """Whether a job may have to wait although a worker has a place for it."""
        return self.everywhere is not None or self.organisation is not None


def deferred(task: str, *, queue: str, lock: str | None, **arguments: Any) -> dict[str, Any]:
    """The arguments of `DEFER`, and of the part `storage.queue.defer_job`."""
    return {"job_task": task, "job_queue": queue, "job_lock": lock, "job_arguments": Jsonb(arguments)}


class Queue:
    """Puts jobs on the queue inside the caller's transaction: no row without its job, no job without its row."""

    async def defer(self, work: Transaction, task: str, *, queue: str, lock: str | None, **arguments: Any) -> None:
        """Enqueues `task`; jobs with the same lock run one after another, in the order they were enqueued."""
        await self.put(work, deferred(task, queue=queue, lock=lock, **arguments))

    async def put(self, work: Transaction, job: Mapping[str, Any]) -> None:
        """Enqueues a job that `deferred` made."""
        await work.sql(DEFER, job)
