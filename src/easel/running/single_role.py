"""Runs one role in its own process, without `easel serve`: `easel api`, `easel worker`, `easel builder`, `easel
edge`."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from easel.errors import EaselError
from easel.places import lock_data_dir
from easel.running.roles import run_role
from easel.settings import Role, Settings
from easel.storage.embedded import EmbeddedPostgres

logger = logging.getLogger(__name__)


def run_alone(role: Role, settings: Settings) -> None:
    """Runs the role until told to stop. Raises the role's errors."""
    with _embedded(settings):
        run_role(role, settings)


@contextmanager
def _embedded(settings: Settings) -> Iterator[None]:
    """Stops the embedded database at the end of the block, if there is one and no other process uses it. Thus, the role
    that ends last stops the database, even if another role started it."""
    if settings.database_url is not None:
        yield
        return
    told: list[int] = []

    def leave(number: int, _: FrameType | None) -> None:
        told.append(number)
        sys.exit(128 + number)

    # After its shutdown, uvicorn raises the signal again. Without this handler, that would end the process here.
    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _let_go(settings)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if told:
            signal.raise_signal(told[0])


def _let_go(settings: Settings) -> None:
    embedded = EmbeddedPostgres(settings.postgres_dir)
    if not embedded.runs:
        return
    # If an `easel serve` holds the lock, it still uses the database, so the database is not stopped here. While this
    # process holds the lock, no `easel serve` can start.
    with suppress(EaselError), lock_data_dir(settings.data_dir):
        embedded.start()
        if embedded.is_unused:
            embedded.stop()
            logger.info("stopped PostgreSQL, because no process uses it any more")
