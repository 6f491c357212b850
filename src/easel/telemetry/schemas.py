"""The contract's models of this domain."""

from __future__ import annotations

from typing import Any

from easel.schemas import Answer


class ErrorBucket(Answer):
    """The contract's error bucket."""

    timestamp: str
    count: int


class RecentError(Answer):
    """The contract's recent error."""

    timestamp: str
    error_type: str
    error_message: str
    url: str | None = None


class VitalsSummary(Answer):
    """The contract's vitals summary."""

    metric_name: str
    p50: float
    p75: float
    p95: float
    sample_count: int


class AppAnalyticsResponse(Answer):
    """The contract's app analytics response."""

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
    """The contract's app logs response."""

    app_id: str
    log_type: str
    results: list[Any] | None = None
    entries: list[Any] | None = None


class ErrorRateResponse(Answer):
    """The contract's error rate response."""

    app_id: str
    error_count: int
    period_minutes: int
    rate_per_minute: float
