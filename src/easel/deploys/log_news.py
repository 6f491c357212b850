"""Reads the next lines of a deploy's log for one client that follows the log, in one statement."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from easel.access.secrets import hash_key
from easel.deploys.states import FINAL
from easel.storage.database import Database
from easel.storage.statements import statements

_SQL = statements(__name__)

MOST_LINES = 200
"""Maximum number of log lines that a client gets at once. Encoding more lines would delay other requests."""


class LogPlace(NamedTuple):
    """The position of a client in a deploy's log, and the client's API key."""

    key: str
    """The hash of the client's API key."""
    app: str
    deploy: str
    after: int
    """The number of the last line that the client has, or 0."""

    @classmethod
    def of(cls, secret: str, app: str, deploy: str, after: str | None) -> LogPlace:
        """Returns the position of the client with the API key `secret`. `after` is the number of the last line that it
        has, from the header `Last-Event-ID`, or None."""
        is_number = after is not None and after.isascii() and after.isdigit() and len(after) < 10
        return cls(hash_key(secret), app, deploy, int(after or 0) if is_number else 0)


class LogLine(NamedTuple):
    """One line of a deploy's log. `seq` is 1, 2, 3 … within the deploy."""

    seq: int
    ts: datetime
    line: str


class LogNews(NamedTuple):
    """The next lines of a log for one client, at most `MOST_LINES`."""

    org_id: str
    lines: list[LogLine]
    is_last: bool
    """True if the deploy has ended and no line comes after these lines."""


async def read_news(database: Database, place: LogPlace) -> LogNews | None:
    """Returns the log lines after a client's position. Returns None if the API key, the app or the deploy does not
    exist. Raises the driver's errors if the database is unreachable."""
    rows = await database.statement(_SQL["news"], {**place._asdict(), "most": MOST_LINES})
    if not rows:
        return None
    lines = [LogLine(*row[2:]) for row in rows if row[2] is not None]
    return LogNews(rows[0][0], lines, rows[0][1] in FINAL and len(lines) < MOST_LINES)
