"""The one clock: every timestamp that Easel records or compares comes from this module."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Returns the current time in UTC, with its time zone."""
    return datetime.now(UTC)


def iso(moment: datetime | None) -> str | None:
    """Returns the moment as RFC 3339 text in UTC with a `Z`. Returns None for None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
