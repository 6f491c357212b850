"""Decides which failures of a job are retried, and when. Retried failures are outages of a part, and shutdowns."""

from __future__ import annotations

import asyncio

from easel.deploys.run_row import StopRequestedError
from easel.errors import ServiceUnavailableError
from easel.storage.errors import StorageFullError
from easel.storage.transient_errors import is_transient

LONGEST_PAUSE = 8
"""Maximum of the exponential backoff, in seconds. Deaths of workers count as attempts too, so the exponent may already
be large when a short outage begins."""
LONGEST_WAIT_FOR_ROOM = 300
"""Seconds between two retries of background work while the disk is full."""
MOST_ATTEMPTS = 60
"""Maximum number of attempts. That many attempts last for about eight minutes of outage."""


def again(error: BaseException, attempts: int) -> int | None:
    """Returns the seconds until a failed job is retried: at once after a shutdown, with exponential backoff while a
    part is unavailable."""
    # A job is cancelled if the stopping worker could no longer wait for it.
    if isinstance(error, StopRequestedError | asyncio.CancelledError):
        return 0
    longest = None
    if isinstance(error, StorageFullError):
        # Background work can wait for space. A deploy never gets this far with this error, because a user waits for the
        # deploy.
        longest = LONGEST_WAIT_FOR_ROOM
    elif is_outage(error):
        longest = LONGEST_PAUSE
    return None if longest is None else min(1 << min(attempts, 10), longest)


def is_outage(error: BaseException) -> bool:
    """Returns true if the error is a temporary outage of database or store."""
    return isinstance(error, ServiceUnavailableError) or is_transient(error)
