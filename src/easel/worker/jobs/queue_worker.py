"""The worker of the queue. It extends procrastinate's worker, so that it survives outages of the database, and crashes
of other workers."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

from procrastinate import JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobResult
from procrastinate.jobs import DeleteJobCondition, Job, Notification, Status
from procrastinate.worker import Worker

from easel.storage.queue import ConcurrencyLimit
from easel.storage.statements import statements
from easel.worker.jobs.tasks import QueueUnreachableError

_SQL = statements(__name__)

logger = logging.getLogger(__name__)

PAUSE = 0.5
"""Seconds between two retries while the database is unreachable."""

_FINISH = _SQL["finish"]
_NOTE = json.dumps({"type": "job_inserted", "job_id": 0})
"""procrastinate's notification that a job may be waiting."""
_RETRY = _SQL["retry"]
_BEAT = _SQL["beat"]
_PUT_BACK = _SQL["put_back"]


class CarefulWorker(Worker):
    """procrastinate's worker with these differences:

    - An unreachable database ends neither the worker nor its jobs. The worker retries until it is told to stop.
    - It polls again if a notification arrives while a poll is running. Otherwise, that notification would be lost, and
      the job would wait for the next poll. It also polls as soon as one of its jobs has ended.
    - It records a job's end only if it still holds the job. It retries while the database is unreachable, because no
      other worker takes over the job of a running worker.
    - It puts back a job that it claimed if the response to the claim was lost.
    - It sends heartbeats until the last of its jobs has ended, even while it is stopping.
    - If `turn` is set, it awaits `turn` before each poll.
    - If `listens` is false, it does not listen for notifications. It polls after a call of `look`, and every few
      seconds.
    - For each queue in `hears`, it calls the queue's function when a job arrives. It receives these notifications on
      the connection on which it listens.
    - It stops by itself after `idle` seconds without a job, right after a poll that found no job.
    """

    def __init__(
        self,
        *arguments: Any,
        at_once: ConcurrencyLimit = ConcurrencyLimit(),  # noqa: B008 (frozen)
        turn: Callable[[], Awaitable[None]] | None = None,
        listens: bool = True,
        hears: Mapping[str, Callable[[], None]] = MappingProxyType({}),
        idle: float | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*arguments, **named)
        if idle is not None:
            # The worker checks its idle time only after a poll.
            self.fetch_job_polling_interval = min(self.fetch_job_polling_interval, idle)
        self._at_once = at_once
        self._turn = turn
        self._listens = listens
        self._hears = hears
        self._idle = idle
        self._last_job = time.monotonic()
        self.listen_notify = False  # This worker listens by its own code.
        self._unknown: set[int] = set()
        self._heard = False
        self._is_cut_off = False
        self._last_beat = time.monotonic()

    async def work(self) -> None:
        """Claims and runs jobs until it is cancelled, or until no job has come for its idle time. Then waits for its
        running jobs. Raises QueueUnreachableError if it cannot remove its registration from the database."""
        try:
            await self.run()  # type: ignore[no-untyped-call]
        except ConnectorException as error:
            raise QueueUnreachableError(str(error)) from error

    def _start_side_tasks(self) -> list[asyncio.Task[Any]]:
        if self._turn is not None:
            # procrastinate creates its semaphore just before this call.
            self._job_semaphore = _Turnstile(self.concurrency, self._turn)
        tasks: list[asyncio.Task[Any]] = super()._start_side_tasks()
        if self._listens:
            tasks.append(asyncio.create_task(self._listen(), name="listener"))
        return tasks

    async def _shutdown(self, side_tasks: list[asyncio.Task[Any]]) -> None:
        # procrastinate would stop its heartbeat first, and then wait for its jobs. In that time, other workers would
        # take over these jobs.
        if self._running_jobs:
            await asyncio.wait(self._running_jobs, timeout=self.shutdown_graceful_timeout)
        self.shutdown_graceful_timeout = 0
        await super()._shutdown(side_tasks)

    async def _listen(self) -> None:
        while True:
            try:
                await self.app.job_manager.listen_for_jobs(
                    on_notification=self._handle_notification, queues=[*(self.queues or ()), *self._hears]
                )
            except ConnectorException as error:
                self._cut_off(error)
            await asyncio.sleep(PAUSE)

    async def _handle_notification(self, *, channel: str, notification: Notification) -> None:
        heard = self._hears.get(channel.partition("#")[2])
        if heard is not None:
            heard()
        else:
            await super()._handle_notification(channel=channel, notification=notification)
            self._heard = True

    def look(self) -> None:
        """Makes the worker check at once whether a job waits. This method may be called while a check is running."""
        self._heard = True
        self._new_job_event.set()

    def _look_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._new_job_event.set)

    async def _fetch_and_process_jobs(self) -> None:
        self._heard = False
        try:
            # A worker that was frozen counts as dead, so other workers would at once take over any job that it claims
            # now.
            if time.monotonic() - self._last_beat > 2 * self.update_heartbeat_interval:
                await self._beat()
            await super()._fetch_and_process_jobs()  # type: ignore[no-untyped-call]
            self._reached()
            if self._running_jobs:
                self._last_job = time.monotonic()
            if self._heard:
                self._new_job_event.set()
            elif self._idle is not None and time.monotonic() - self._last_job > self._idle:
                # The last poll found no job, so no claimed job is on its way to this worker.
                self.stop()  # type: ignore[no-untyped-call]
        except ConnectorException as error:
            self._cut_off(error)
            self._look_in(PAUSE)

    async def _periodic_deferrer(self) -> None:
        # During the first poll, this query would need a second connection to the database.
        await asyncio.sleep(self.update_heartbeat_interval / 6)
        while True:
            try:
                await super()._periodic_deferrer()  # type: ignore[no-untyped-call]
                return
            except ConnectorException as error:
                self._cut_off(error)
                await asyncio.sleep(PAUSE)

    async def _update_heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self.update_heartbeat_interval)
            try:
                await self._beat()
                self._reached()
            except ConnectorException as error:
                self._cut_off(error)

    async def _beat(self) -> None:
        self._last_beat = time.monotonic()
        beat = await self.app.connector.execute_query_all_async(_BEAT, worker=self.worker_id)
        if not beat:
            # The worker is no longer registered in the database, because it had no heartbeat for a day, or because the
            # database is an older copy.
            self.worker_id = await self.app.job_manager.register_worker()
            return
        running = {context.job.id for context in self._running_jobs.values()}
        unknown = set(beat[0]["jobs"]) - running
        # During the first poll, a claimed job may still be on its way to this worker.
        lost = unknown & self._unknown
        self._unknown = unknown - lost
        if lost:
            logger.warning(
                "this worker was assigned the jobs %s, but the response with them was lost; returning the jobs to "
                "the queue",
                sorted(lost),
            )
            await self.app.connector.execute_query_all_async(_PUT_BACK, worker=self.worker_id, jobs=list(lost))

    def _cut_off(self, error: ConnectorException) -> None:
        if not self._is_cut_off:
            logger.warning("the queue's database is unreachable; retrying until it responds: %s", _why(error))
        self._is_cut_off = True

    def _reached(self) -> None:
        if self._is_cut_off:
            logger.warning("the queue's database is reachable again")
        self._is_cut_off = False

    async def _persist_job_status(
        self,
        job: Job,
        status: Status,
        retry_decision: RetryDecision | None,
        context: JobContext,
        job_result: JobResult | None,
    ) -> None:
        mine = {"id": job.id, "worker": job.worker_id, "attempts": job.attempts}
        how: dict[str, Any]
        if retry_decision is not None:
            pause = 0.0
            if retry_decision.retry_at is not None:
                pause = max(0.0, (retry_decision.retry_at - datetime.now(UTC)).total_seconds())
            query, how = _RETRY, {"pause": pause}
            self._look_in(pause + 0.02)
        else:
            delete = self.delete_jobs == DeleteJobCondition.ALWAYS or (
                self.delete_jobs == DeleteJobCondition.SUCCESSFUL and status == Status.SUCCEEDED
            )
            # If there are limits, another worker may be waiting for the end of this job.
            limited = self._at_once.holds_back
            query, how = _FINISH, {"status": status.value, "delete": delete}
            how |= {"limited": limited, "queue": job.queue, "note": _NOTE}
        while True:
            try:
                if not await self.app.connector.execute_query_all_async(query, **mine, **how):
                    logger.info("another worker took over job %s while this worker was running it", job.id)
                break
            except ConnectorException as error:
                if self._stop_event.is_set():
                    raise
                self._cut_off(error)
                await asyncio.sleep(PAUSE)
        self._last_job = time.monotonic()
        self.look()
        if job.id is not None:
            self._job_ids_to_abort.pop(job.id, None)


class _Turnstile(asyncio.Semaphore):
    """The slots of a worker. A job gets a slot when one is free and the function `turn` has completed."""

    def __init__(self, value: int, turn: Callable[[], Awaitable[None]]) -> None:
        super().__init__(value)
        self._turn = turn

    async def acquire(self) -> Literal[True]:
        await super().acquire()
        try:
            await self._turn()
        except BaseException:
            self.release()
            raise
        return True


def _why(error: ConnectorException) -> str:
    return str(error.__cause__ or error).splitlines()[0]
