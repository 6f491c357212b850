"""The queue of background jobs, for callers that enqueue jobs. It is procrastinate's queue, in the same database as the
records.

`worker/jobs/` claims the jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from easel.storage.database import Transaction
from easel.storage.statements import statements

DEFER = statements(__name__)["defer"]
"""The SQL statement that enqueues a job. Its arguments come from `deferred`."""

DEPLOYS = "deploys"
BUILDS = "builds"
BACKGROUND = "background"
SWEEPS = "sweeps"


@dataclass(frozen=True, slots=True)
class ConcurrencyLimit:
    """Limits how many jobs of a queue run at the same time, on all machines together: in total (`everywhere`), and for
    each organisation (`organisation`). None means that only the number of workers limits the jobs.

    `places` is the number of jobs that one organisation may run on one worker. A worker's further places are for
    organisations that have no job on it.
    """

    everywhere: int | None = None
    organisation: int | None = None
    places: int | None = None

    @property
    def holds_back(self) -> bool:
        """Returns true if these limits may make a job wait although a worker has a free place."""
        return self.everywhere is not None or self.organisation is not None


def deferred(task: str, *, queue: str, lock: str | None, **arguments: Any) -> dict[str, Any]:
    """Returns a job as the arguments of the statement `DEFER`, and of the SQL part `storage.queue.defer_job`. Jobs with
    the same lock run one after another."""
    return {"job_task": task, "job_queue": queue, "job_lock": lock, "job_arguments": Jsonb(arguments)}


class Queue:
    """Enqueues jobs inside the caller's database transaction, so that a record and its job are written together or not
    at all."""

    async def defer(self, work: Transaction, task: str, *, queue: str, lock: str | None, **arguments: Any) -> None:
        """Enqueues a job for the task. Jobs with the same lock run one after another, in the order in which they were
        enqueued."""
        await self.put(work, deferred(task, queue=queue, lock=lock, **arguments))

    async def put(self, work: Transaction, job: Mapping[str, Any]) -> None:
        """Enqueues a job that `deferred` has returned."""
        await work.sql(DEFER, job)
