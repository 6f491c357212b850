"""The one clock: every timestamp that Easel records or compares comes from here."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Returns the current time in UTC, with its time zone."""
    return datetime.now(UTC)


def iso(moment: datetime | None) -> str | None:
    """Returns the moment as RFC 3339 text in UTC with a `Z`; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
