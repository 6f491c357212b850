"""Counts the requests of a deploy and of a visit to a bucket, and computes S3's price for them."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import psycopg

from bench.counting import Asked, counted
from bench.measure import Report
from bench.workers import Machine, realistic
from easel.storage.channels import CHANGES_CHANNEL, DEPLOYS_CHANNEL
from easel.storage.embedded import EmbeddedPostgres
from testbed.running import RunningApp
from testbed.stores import moto

PRICES = {"PUT": 0.005, "GET": 0.0004, "DELETE": 0.0}
"""US dollars for a thousand requests: S3 Standard, us-east-1, list price. This is an assumption, so check your own
price."""
STORED = 0.023
"""US dollars for a gigabyte and month, under the same assumption."""
CHANNELS = (
    CHANGES_CHANNEL,
    DEPLOYS_CHANNEL,
    "procrastinate_any_queue_v1",
    "procrastinate_queue_v1#deploys",
    "procrastinate_queue_v1#background",
)


def count_requests(report: Report, folder: Path) -> None:
    """Deploys a realistic bundle twice, then visits it through an edge with empty caches."""
    server = EmbeddedPostgres(folder / "costs" / "database" / "postgres")
    with moto() as bucket, counted(bucket) as (watched, asked):
        url = server.start()
        site = Machine.prepared(folder / "costs" / "machine", url, watched.environment("bench"))
        try:
            with site.api():
                worker = site.begin("worker")
                app = RunningApp.create(site)
                app.deploy(realistic(1))
                _settle(url)
                asked.forget()
                with psycopg.connect(url, autocommit=True) as connection:
                    for channel in CHANNELS:
                        connection.execute(f'listen "{channel}"'.encode())
                    app.deploy(realistic(2))
                    _tell(report, "a deploy of 301 files, until it is live", asked)
                    _settle(url)
                    notes = [note.channel for note in connection.notifies(timeout=1)]
                told = {channel: float(notes.count(channel)) for channel in CHANNELS}
                report.add("notify: notifications of one deploy, all in all", len(notes), "notifications", **told)
                _tell(report, "the same with what follows in the background", asked)
                worker.terminate()
                worker.wait(90)
            edge = site.begin("edge", environment={"EASEL_EDGE_PORT": str(site.edge_port)})
            try:
                _visits(report, app, asked)
            finally:
                edge.terminate()
                edge.wait(60)
        finally:
            server.stop()
    _keeping(report)


def _keeping(report: Report) -> None:
    size = len(realistic(0))
    gigabytes = size * 20 * 1e6 / 1e9
    report.add("bucket: bundles of a million apps of twenty versions", gigabytes / 1000, "TB", bytes_of_one=size)
    report.add("bucket: to keep those for a month", gigabytes * STORED, "dollars")


def _visits(report: Report, app: RunningApp, asked: Asked) -> None:
    deadline = time.monotonic() + 60
    while not _ready(app):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for name, path in (
        ("the first visit to an app on an edge", "/"),
        ("the first script of that app", "/assets/chunk-7.js"),
        ("another script", "/assets/chunk-8.js"),
        ("the same again", "/assets/chunk-8.js"),
    ):
        asked.forget()
        assert app.visit(path, Accept_Encoding="br, gzip").status_code == 200
        _tell(report, name, asked)


def _ready(app: RunningApp) -> bool:
    try:
        url = f"http://127.0.0.1:{app.platform.edge_port}/readyz"
        return httpx.get(url, trust_env=False, verify=False).status_code == 200
    except httpx.HTTPError:
        return False


def _settle(url: str) -> None:
    deadline = time.monotonic() + 120
    query = "select exists (select from procrastinate_jobs where status in ('todo', 'doing'))"
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(query).fetchone() != (False,):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _tell(report: Report, name: str, asked: Asked) -> None:
    charged = asked.charged()
    cost = sum(PRICES[kind] * count / 1000 for kind, count in charged.items())
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(asked.requests.items()))
    report.add(f"bucket: {name}", charged.total(), "requests", kinds=kinds, dollars_per_million=cost * 1e6)
