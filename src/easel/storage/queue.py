"""The queue of background jobs: procrastinate, in the same database as the records."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobResult
from procrastinate.jobs import DeleteJobCondition, Job, Notification, Status
from procrastinate.worker import Worker
from psycopg import AsyncConnection

from easel.storage.database import Transaction

logger = logging.getLogger(__name__)

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


# A worker that was silent for long enough has lost its jobs: they are another's run by now, even under its own id,
# which `attempts` tells. procrastinate's functions look at a job's id alone, and would end, or start once more, what
# the other one is running.
_FINISH = """
with mine as materialized (
    select id from procrastinate_jobs
     where id = %(id)s and status = 'doing' and worker_id = %(worker)s and attempts = %(attempts)s for update
)
select procrastinate_finish_job_v1(id, %(status)s, %(delete)s) from mine
"""
_RETRY = """
with mine as materialized (
    select id from procrastinate_jobs
     where id = %(id)s and status = 'doing' and worker_id = %(worker)s and attempts = %(attempts)s for update
)
select procrastinate_retry_job_v2(id, coalesce(%(at)s, now()), null, null, null) from mine
"""
# Several workers look at once: what one of them has put back is not silent any more when the next one gets to it.
_TAKE_OVER = """
with silent as materialized (
    select job.id, task_name from procrastinate_jobs job
      left join procrastinate_workers worker on worker.id = job.worker_id
     where job.status = 'doing'
       and (worker.id is null or worker.last_heartbeat < now() - make_interval(secs => %(silent_for)s))
       for update of job skip locked
)
select id, task_name, procrastinate_retry_job_v2(id, now(), null, null, null) from silent
"""


class CarefulWorker(Worker):
    """procrastinate's worker, but for two things.

    It looks again shortly after each notification: one that arrives while it is asking for a job is otherwise
    forgotten, and the job waits for the next poll. And it says how a job ended only if the job is still its own, again
    and again while the database does not answer: nobody would take over the job of a worker that lives.
    """

    async def _handle_notification(self, *, channel: str, notification: Notification) -> None:
        await super()._handle_notification(channel=channel, notification=notification)
        asyncio.get_running_loop().call_later(0.02, self._new_job_event.set)

    async def _persist_job_status(
        self,
        job: Job,
        status: Status,
        retry_decision: RetryDecision | None,
        context: JobContext,
        job_result: JobResult | None,
    ) -> None:
        mine = {"id": job.id, "worker": self.worker_id, "attempts": job.attempts}
        how: dict[str, Any]
        if retry_decision is not None:
            query, how = _RETRY, {"at": retry_decision.retry_at}
        else:
            delete = self.delete_jobs == DeleteJobCondition.ALWAYS or (
                self.delete_jobs == DeleteJobCondition.SUCCESSFUL and status == Status.SUCCEEDED
            )
            query, how = _FINISH, {"status": status.value, "delete": delete}
        while True:
            try:
                if not await self.app.connector.execute_query_all_async(query, **mine, **how):
                    logger.info("job %s was taken over while this worker ran it", job.id)
                break
            except ConnectorException as error:
                if self._stop_event.is_set():
                    raise
                logger.warning("could not say yet that job %s has ended: %s", job.id, error)
                await asyncio.sleep(0.5)
        if job.id is not None:
            self._job_ids_to_abort.pop(job.id, None)


async def take_over(app: App, silent_for: float) -> list[tuple[int, str]]:
    """Puts the jobs of workers that gave no sign for `silent_for` seconds back on the queue: their ids and tasks."""
    rows = await app.connector.execute_query_all_async(_TAKE_OVER, silent_for=silent_for)
    return [(row["id"], row["task_name"]) for row in rows]
