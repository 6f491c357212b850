"""What a worker can be asked to do, in Easel's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Retry = Callable[[BaseException, int], int | None]
"""Given how a job failed and how often it was begun: seconds until it is begun again, None where it is not."""


class QueueUnreachableError(Exception):
    """The queue's database does not answer."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is done for the jobs of one name: `run` gets how often the job was begun before (`attempts`), and its
    arguments by name."""

    name: str
    queue: str
    run: Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """What is done again and again, at the times of `cron`: each time once in the whole installation, by whichever
    worker comes first, no two of one queue at a time, and before all else in the queues of that worker."""

    name: str
    queue: str
    cron: str
    run: Callable[[], Awaitable[None]]
