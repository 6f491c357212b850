"""Decides which failed jobs are retried, and when. They are retried after an outage of the database or the object
store, and after a shutdown."""

from __future__ import annotations

import asyncio

from easel.deploys.run_row import StopRequestedError
from easel.errors import ServiceUnavailableError
from easel.storage.errors import StorageFullError
from easel.storage.transient_errors import is_transient

LONGEST_PAUSE = 8
"""Maximum number of seconds between two retries (exponential backoff). The exponent counts all attempts, including
those whose worker died, so it may already be large when a short outage begins."""
LONGEST_WAIT_FOR_ROOM = 300
"""Seconds between two retries of background work while the disk is full."""
MOST_ATTEMPTS = 60
"""Maximum number of attempts of a job. They cover an outage of about eight minutes."""


def again(error: BaseException, attempts: int) -> int | None:
    """Returns the number of seconds until a job with this error is retried: 0 after a shutdown, and an exponential
    backoff while the database or the object store is unavailable. Returns None if the job is not retried."""
    # A job is cancelled when the stopping worker can no longer wait for it.
    if isinstance(error, StopRequestedError | asyncio.CancelledError):
        return 0
    longest = None
    if isinstance(error, StorageFullError):
        # Background work can wait for disk space. A deploy with this error has already ended as failed, because a user
        # waits for it.
        longest = LONGEST_WAIT_FOR_ROOM
    elif is_outage(error):
        longest = LONGEST_PAUSE
    return None if longest is None else min(1 << min(attempts, 10), longest)


def is_outage(error: BaseException) -> bool:
    """Returns true if the error is a temporary outage of the database or the object store."""
    return isinstance(error, ServiceUnavailableError) or is_transient(error)
