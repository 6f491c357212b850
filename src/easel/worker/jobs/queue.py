"""The queue from the side of the workers: claims jobs, runs them as tasks, and takes over jobs of workers without a
heartbeat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Protocol

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from easel.storage.queue import ConcurrencyLimit
from easel.worker.jobs.connection import queue_app, take_over, waits
from easel.worker.jobs.queue_worker import CarefulWorker
from easel.worker.jobs.tasks import PeriodicTask, QueueUnreachableError, Retry, Task


class Worker(Protocol):
    """A worker that runs the jobs of some queues."""

    async def work(self) -> None:
        """Claims and runs jobs until it is cancelled, or until no job has come for its idle time. Then waits for its
        running jobs. Raises QueueUnreachableError if it cannot remove its registration from the database."""

    def look(self) -> None:
        """Makes the worker check at once whether a job waits."""


def _never(error: BaseException, attempts: int) -> None:
    return None


class JobQueue:
    """The queue of jobs in one database, for workers that know these tasks. It has `connections` connections, and
    another connection for notifications. `retry` decides which failed jobs are retried."""

    def __init__(
        self,
        url: str,
        tasks: Sequence[Task | PeriodicTask] = (),
        *,
        retry: Retry = _never,
        at_once: ConcurrencyLimit = ConcurrencyLimit(),  # noqa: B008 (frozen)
        connections: int = 6,
    ) -> None:
        self._app = queue_app(url, at_once=at_once, max_size=connections)
        self._at_once = at_once
        for task in tasks:
            if isinstance(task, Task):
                _add(self._app, task, _Retries(retry))
            else:
                _add_periodic(self._app, task, _Retries(retry))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[JobQueue]:
        """Connects the queue to its database for the duration of the block."""
        async with self._app.open_async():
            yield self

    def worker(
        self,
        queues: list[str],
        concurrency: int,
        *,
        heartbeat: float,
        stopped_within: float,
        turn: Callable[[], Awaitable[None]] | None = None,
        listens: bool = True,
        hears: Mapping[str, Callable[[], None]] = MappingProxyType({}),
        idle: float | None = None,
    ) -> Worker:
        """Creates a worker of these queues that runs up to `concurrency` jobs at a time.

        The worker sends a heartbeat every `heartbeat` seconds. When it is stopped, its jobs have `stopped_within`
        seconds to end. The worker awaits `turn` before each poll. If `listens` is false, it does not listen for
        notifications. For each queue in `hears`, it calls the queue's function when a job arrives. It stops after
        `idle` seconds without a job.
        """
        return CarefulWorker(
            self._app,
            at_once=self._at_once,
            turn=turn,
            listens=listens,
            hears=hears,
            idle=idle,
            queues=queues,
            name=queues[0],
            concurrency=concurrency,
            install_signal_handlers=False,
            update_heartbeat_interval=heartbeat,
            stalled_worker_timeout=86400,
            shutdown_graceful_timeout=stopped_within,
            delete_jobs="successful",
        )

    async def take_over(self, silent_for: float) -> list[tuple[int, str]]:
        """Requeues the jobs of workers that have sent no heartbeat for `silent_for` seconds. Returns the ids and tasks
        of these jobs. Raises QueueUnreachableError."""
        try:
            return await take_over(self._app, silent_for)
        except ConnectorException as error:
            raise QueueUnreachableError(str(error)) from error

    async def waits(self, queue: str) -> bool:
        """Returns true if a job of the queue waits for a worker. Raises QueueUnreachableError."""
        try:
            return await waits(self._app, queue)
        except ConnectorException as error:
            raise QueueUnreachableError(str(error)) from error


class _Retries(BaseRetryStrategy):
    def __init__(self, retry: Retry) -> None:
        self._retry = retry

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        seconds = self._retry(exception, job.attempts)
        return None if seconds is None else RetryDecision(retry_in={"seconds": seconds})


def _add(app: App, task: Task, retry: _Retries) -> None:
    @app.task(name=task.name, queue=task.queue, retry=retry, pass_context=True)
    async def run(context: JobContext, /, **arguments: Any) -> None:
        await task.run(attempts=context.job.attempts, **arguments)


def _add_periodic(app: App, task: PeriodicTask, retry: _Retries) -> None:
    @app.periodic(cron=task.cron)
    @app.task(
        name=task.name,
        queue=task.queue,
        lock=task.queue,
        queueing_lock=task.name.rsplit(".", 1)[-1],
        priority=1,
        retry=retry,
    )
    async def run(timestamp: int) -> None:
        await task.run()
