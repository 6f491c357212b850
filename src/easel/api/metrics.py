"""What every api can tell about the queue, which is the same for all of them."""

from __future__ import annotations

from typing import LiteralString

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from easel.api.http.context import Services
from easel.deploys.queue_waits import CAUSES, limits_in, longest_waits
from easel.deploys.states import UNFINISHED

_DEPLOYS: LiteralString = """
select status, count(*), greatest(extract(epoch from now() - min(queued_at)), 0)
from deploy where status in ('queued', 'building') group by status
"""
_JOBS: LiteralString = "select queue_name, count(*) from procrastinate_jobs where status = 'todo' group by queue_name"


async def queue_metrics(services: Services) -> bytes:
    """Deploys that have not ended and jobs that wait, in Prometheus' text format; without the database only that."""
    registry = CollectorRegistry()
    answers = Gauge("easel_database_up", "Whether the database answers, and takes changes", registry=registry)
    deploys = Gauge("easel_deploys", "Deploys that have not ended", ["status"], registry=registry)
    oldest = Gauge("easel_deploys_oldest_seconds", "Since when the oldest of them waits", ["status"], registry=registry)
    waits = Gauge(
        "easel_deploys_waiting_seconds", "Since when a queued deploy waits, by what for", ["for"], registry=registry
    )
    jobs = Gauge("easel_jobs_waiting", "Jobs that wait for a worker", ["queue"], registry=registry)
    for status in UNFINISHED:
        deploys.labels(status).set(0)
        oldest.labels(status).set(0)
    for cause in CAUSES:
        waits.labels(cause).set(0)
    try:
        async with services.database.transaction() as work:
            for status, count, age in await work.sql(_DEPLOYS, {}):
                deploys.labels(status).set(count)
                oldest.labels(status).set(float(age))
            for cause, seconds in (await longest_waits(work, limits_in(services.settings))).items():
                waits.labels(cause).set(seconds)
            for queue, count in await work.sql(_JOBS, {}):
                jobs.labels(queue).set(count)
            ((read_only,),) = await work.sql("select current_setting('transaction_read_only')", {})
        answers.set(0 if read_only == "on" else 1)
    except Exception:
        answers.set(0)
    return generate_latest(registry)
