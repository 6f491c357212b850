"""The tasks of a worker, in Easel's own terms: what the jobs of a name do, and when they are retried."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Retry = Callable[[BaseException, int], int | None]
"""A function that returns the seconds until a failed job is retried, from its error and its number of attempts. It
returns None if the job is not retried."""


class QueueUnreachableError(Exception):
    """The database of the job queue is unreachable."""


@dataclass(frozen=True, slots=True)
class Task:
    """The function that runs all jobs of one name. `run` gets the number of earlier attempts (`attempts`), and the
    job's arguments as keyword arguments."""

    name: str
    queue: str
    run: Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """Work that is repeated at the times of `cron`. At each time, the first worker that claims the work runs it, once
    in the whole installation. Only one periodic task of a queue runs at a time, and it comes before all other jobs in
    that worker's queues."""

    name: str
    queue: str
    cron: str
    run: Callable[[], Awaitable[None]]
