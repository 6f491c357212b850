"""Two background tasks of `easel serve`: keeping the embedded database running, and keeping disk space for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from subprocess import SubprocessError

from easel.storage.ballast import LOW, MIB, PIECE, Ballast, size_on
from easel.storage.disk_reserve import DiskReserve, Room
from easel.storage.embedded import EmbeddedPostgres

logger = logging.getLogger(__name__)

DATABASE_LOOKS = 2.0
"""Seconds between two checks of the embedded database. After a second failed check, it is restarted."""
START_WITHIN = 60.0
"""Timeout in seconds of a start of the embedded database, after which it is started again."""
DISK_LOOKS = 0.25
"""Seconds between two checks of the disk."""
CHECKPOINT_EVERY = 10.0
"""Seconds between two checkpoints of the embedded database while the disk is almost full. After a checkpoint, the
database can reuse segments of its log."""

StopsWithin = Callable[[float], Awaitable[bool]]
"""A function that waits this many seconds, or until the shutdown begins. It returns true if the shutdown has begun."""


async def keep_database(embedded: EmbeddedPostgres, stops_within: StopsWithin) -> None:
    """Restarts the embedded database when it has ended by itself, for example after a shortage of memory or disk space.
    Retries until the start succeeds."""
    missed, failed = False, ""
    while not await stops_within(DATABASE_LOOKS):
        if embedded.runs and not failed:
            missed = False
        elif not missed:
            missed = True
        else:
            if not failed:
                logger.error("PostgreSQL has ended; starting it again")
            try:
                # Without this timeout, a database that ends during its start would be awaited for ever.
                async with asyncio.timeout(START_WITHIN):
                    await asyncio.to_thread(embedded.start_again)
            except (OSError, SubprocessError, AssertionError, ValueError, RuntimeError) as error:
                why = embedded.last_words() or str(error) or type(error).__name__
                # The error is logged once, and not every few seconds until an operator frees space.
                if why != failed:
                    logger.error("PostgreSQL does not start, trying again: %s", why)
                failed = why
            else:
                logger.info("PostgreSQL is up again")
                missed, failed = False, ""


class DiskWatch:
    """Checks the disk of the data folder. Writes to the log when the disk's reserve is reached. Resizes the ballast
    (reserved space) of the embedded database, if there is one."""

    def __init__(self, reserve: DiskReserve, ballast: Path, embedded: EmbeddedPostgres | None, folder: Path) -> None:
        self._reserve = reserve
        self._ballast = Ballast(ballast)
        self._embedded = embedded
        self._folder = folder
        self._is_low = False
        self._is_out = False
        self._checkpointed = float("-inf")
        self._checkpoint: asyncio.Task[None] | None = None

    async def run(self, stops_within: StopsWithin) -> None:
        """Checks the disk regularly until the shutdown."""
        while not await stops_within(DISK_LOOKS):
            self.look()
            if self._is_out and time.monotonic() > self._checkpointed + CHECKPOINT_EVERY:
                self._use_log_again()
        if self._checkpoint is not None:
            await self._checkpoint

    def look(self) -> None:
        """Checks the free space of the disk once. A disk that cannot be read is skipped."""
        try:
            self._tell(self._reserve.room())
            if self._embedded is not None:
                self._move_ballast()
        except OSError as error:
            logger.debug("the free space on the disk of %s cannot be read: %s", self._folder, error)

    def _move_ballast(self) -> None:
        if not self._ballast.is_kept:
            self._ballast.make()
        room = self._reserve.room()
        given_up = 0
        while room.free < LOW and (freed := self._ballast.give_up()):
            given_up += freed
            room = self._reserve.room()
        if given_up:
            logger.error(
                "the disk of %s is full, so %d MiB of the space reserved for PostgreSQL were freed; %d MiB are still "
                "reserved",
                self._folder,
                given_up // MIB,
                (size_on(room.total) - self._ballast.missing(room.total)) // MIB,
            )
        self._is_out = room.free < LOW or given_up > 0
        # The ballast grows only if much more space is free than the level at which it shrinks, and only after uploads
        # are accepted again.
        while (
            self._ballast.missing(room.total) >= PIECE
            and room.spare >= 0
            and room.free - PIECE >= max(LOW + PIECE, room.kept - self._ballast.missing(room.total))
        ):
            self._ballast.grow()
            room = self._reserve.room()

    def _tell(self, room: Room) -> None:
        if room.spare < 0 and not self._is_low:
            self._is_low = True
            logger.error(
                "the disk of %s is nearly full: %d MiB are free, but %d MiB must stay free (EASEL_DISK_RESERVE). "
                "Uploads and deploys are refused until more space is free",
                self._folder,
                room.free // MIB,
                room.kept // MIB,
            )
        elif room.spare >= PIECE and self._is_low:
            self._is_low = False
            logger.warning("the disk of %s has free space again: %d MiB", self._folder, room.free // MIB)

    def _use_log_again(self) -> None:
        if self._embedded is None or (self._checkpoint is not None and not self._checkpoint.done()):
            return
        self._checkpointed = time.monotonic()
        self._checkpoint = asyncio.create_task(asyncio.to_thread(self._embedded.checkpoint))
