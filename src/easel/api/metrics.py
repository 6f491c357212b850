"""Metrics of the queue. Every api reports the same values."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import case, extract, func, select

from easel.api.http.context import Services
from easel.deploys.models import Deploy
from easel.deploys.queue_waits import CAUSES, limits_in, longest_waits
from easel.deploys.states import BUILD_QUEUED, QUEUED, UNFINISHED
from easel.storage.statements import statements

_SQL = statements(__name__)

_WAITED = extract("epoch", func.now() - func.min(Deploy.queued_at))
_STATUS = case((Deploy.step == BUILD_QUEUED, QUEUED), else_=Deploy.status)
"""The deploy's status. A deploy that waits for a builder counts as `queued`, even if a worker has already seen the
deploy."""
_DEPLOYS = (
    select(_STATUS, func.count(), func.greatest(_WAITED, 0)).where(Deploy.status.in_(UNFINISHED)).group_by(_STATUS)
)
_JOBS = _SQL["jobs"]


async def queue_metrics(services: Services) -> bytes:
    """Returns metrics about the unfinished deploys and the waiting jobs, in Prometheus' text format. While the database
    is unreachable, returns only the metric that reports this."""
    registry = CollectorRegistry()
    answers = Gauge("easel_database_up", "1 if the database is reachable and writable, else 0", registry=registry)
    deploys = Gauge("easel_deploys", "Deploys that have not ended", ["status"], registry=registry)
    oldest = Gauge(
        "easel_deploys_oldest_seconds",
        "Seconds for which the oldest unfinished deploy has been waiting",
        ["status"],
        registry=registry,
    )
    waits = Gauge(
        "easel_deploys_waiting_seconds",
        "Seconds for which the longest-waiting queued deploy has been waiting, by cause",
        ["for"],
        registry=registry,
    )
    jobs = Gauge("easel_jobs_waiting", "Jobs that are waiting for a worker", ["queue"], registry=registry)
    for status in UNFINISHED:
        deploys.labels(status).set(0)
        oldest.labels(status).set(0)
    for cause in CAUSES:
        waits.labels(cause).set(0)
    try:
        async with services.database.transaction() as work:
            for status, count, age in (await work.session.execute(_DEPLOYS)).tuples():
                deploys.labels(status).set(count)
                oldest.labels(status).set(float(age))
            for cause, seconds in (await longest_waits(work, limits_in(services.settings))).items():
                waits.labels(cause).set(seconds)
            for queue, count in await work.sql(_JOBS, {}):
                jobs.labels(queue).set(count)
            answers.set(0 if await work.is_read_only() else 1)
    except Exception:
        answers.set(0)
    return generate_latest(registry)
