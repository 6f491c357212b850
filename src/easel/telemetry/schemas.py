"""Responses about the activity of an app. The operations are not built yet."""

from __future__ import annotations

from typing import Any

from easel.schemas import Answer


class ErrorBucket(Answer):
    """The number of an app's errors in one period."""

    timestamp: str
    count: int


class RecentError(Answer):
    """An error that occurred in a visitor's browser."""

    timestamp: str
    error_type: str
    error_message: str
    url: str | None = None


class VitalsSummary(Answer):
    """The speed of an app's pages, by one measure."""

    metric_name: str
    p50: float
    p75: float
    p95: float
    sample_count: int


class AppAnalyticsResponse(Answer):
    """The activity of an app in a number of hours."""

    app_id: str
    period_hours: int
    total_errors: int
    error_rate_per_minute: float
    errors_over_time: list[ErrorBucket]
    vitals: list[VitalsSummary]
    recent_errors: list[RecentError]
    total_events: int
    total_pageviews: int


class AppLogsResponse(Answer):
    """Log entries. `entries` is the same list under its older name."""

    app_id: str
    log_type: str
    results: list[Any] | None = None
    entries: list[Any] | None = None


class ErrorRateResponse(Answer):
    """The number of an app's errors per minute."""

    app_id: str
    error_count: int
    period_minutes: int
    rate_per_minute: float
