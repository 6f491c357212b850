"""The throughput of four workers compared with one worker, on a PostgreSQL and a bucket on the same machine.

The workers are started beforehand and frozen (SIGSTOP). While they are frozen, deploys of many apps are queued, each
with its own bundle. Then one worker continues, or all four, and the time is measured until every deploy has ended.
Thus, neither the start of a process nor the api's time for accepting counts. A shared machine's speed changes from
minute to minute, so each round of one worker and the next round of four are a pair, and the figure is the median of the
pairs' ratios.
"""

from __future__ import annotations

import io
import os
import random
import signal
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx
import psycopg

from bench.apart import processor_time
from bench.far import far
from bench.measure import Report
from easel.storage.embedded import EmbeddedPostgres
from testbed.running import Platform, RunningApp, free_port, zip_of
from testbed.stores import Bucket, rclone

WORKERS = 4
APPS = 20
ROUNDS = 5
FAR = 0.01
"""Minimum response time, in seconds, of a bucket in the same region."""


def run(report: Report, folder: Path) -> None:
    """Measures small and realistic bundles, with default workers and with workers that run one deploy each."""
    with rclone(folder / "workers" / "rclone") as bucket:
        _on(report, folder / "workers" / "bucket", "bucket", bucket)
        with far(bucket, FAR) as (there, way):
            name = f"bucket {FAR * 1000:.0f} ms away"
            _on(report, folder / "workers" / "far", name, there, way.pid, bundles=(("small", 10, small),))
    _on(report, folder / "workers" / "folder", "folder", None)


def _on(
    report: Report,
    folder: Path,
    where: str,
    bucket: Bucket | None,
    *parts: int,
    bundles: tuple[tuple[str, int, Callable[[int], bytes]], ...] | None = None,
) -> None:
    server = EmbeddedPostgres(folder / "database" / "postgres")
    site = Machine.prepared(folder / "api", server.start(), bucket.environment("bench") if bucket else {})
    site.parts = [int((server.folder / "postmaster.pid").read_text().split()[0])]
    site.parts += parts
    if bucket is not None:
        assert bucket.process is not None
        site.parts.append(bucket.process.pid)
    try:
        with site.api():
            for concurrency in (1, 4):
                with site.workers(concurrency) as workers:
                    for name, each, bundle in bundles or (("small", 10, small), ("300 files, 3 MB", 3, realistic)):
                        _measure(report, site, workers, f"{where}, {name}", each, bundle, concurrency)
    finally:
        server.stop()


@dataclass
class Machine(Platform):
    """A machine whose roles are started one by one."""

    url: str = ""
    parts: list[int] = field(default_factory=list)
    """The processes of database and store."""

    @staticmethod
    def prepared(folder: Path, url: str, store: dict[str, str]) -> Machine:
        """Returns a machine on a migrated database, with an organisation's first key."""
        port = free_port()
        secret = "the same in a benchmark"
        own = {"EASEL_DATABASE_URL": url, "EASEL_SECRET_KEY": secret, "EASEL_API_PORT": str(port), **store}
        machine = Machine(folder / "data", port, free_port(), own, url=url)
        machine.data_dir.mkdir(parents=True)
        assert machine.begin("migrate").wait(60) == 0
        with (machine.data_dir / "api-key").open("w") as key:
            assert machine.begin("organisation", "Bench", out=key.fileno()).wait(60) == 0
        return machine

    def begin(
        self, *command: str, out: int | None = None, environment: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.Popen[bytes]:
        """Starts an `easel` command on this machine, with further variables. `out` receives its output."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "easel.cli.main", *command, "--data-dir", str(self.data_dir)],
                stdout=log if out is None else out,
                stderr=log,
                env={**os.environ, **self.environment, **environment},
            )

    @contextmanager
    def api(self) -> Iterator[None]:
        """Yields the api, ready."""
        process = self.begin("api")
        try:
            deadline = time.monotonic() + 60
            while not self._ready():
                assert time.monotonic() < deadline, self.log.read_text()[-3000:]
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(60)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.api_url}/readyz", trust_env=False, verify=False).status_code == 200
        except httpx.HTTPError:
            return False

    @contextmanager
    def workers(self, concurrency: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Yields the workers, each ready for its first job."""
        with self.records() as records:
            records.execute("delete from procrastinate_workers")
            limit = {"EASEL_WORKER_CONCURRENCY": str(concurrency)}
            started = [self.begin("worker", environment=limit) for _ in range(WORKERS)]
            try:
                deadline = time.monotonic() + 60
                # Each worker has one process for deploys and one for background work.
                while records.execute("select count(*) from procrastinate_workers").fetchone() != (2 * WORKERS,):
                    assert time.monotonic() < deadline, self.log.read_text()[-3000:]
                    time.sleep(0.05)
                yield started
            finally:
                for worker in started:
                    worker.send_signal(signal.SIGCONT)
                    worker.terminate()
                for worker in started:
                    worker.wait(90)

    def records(self) -> psycopg.Connection[tuple[object, ...]]:
        """Returns a connection to the database."""
        return psycopg.connect(self.url, autocommit=True)


@dataclass(frozen=True)
class Round:
    """Deploys per second, and the number of busy cores of the workers and of database and store."""

    rate: float
    workers: float
    parts: float


def _measure(
    report: Report,
    site: Machine,
    workers: list[subprocess.Popen[bytes]],
    name: str,
    each: int,
    bundle: Callable[[int], bytes],
    concurrency: int,
) -> None:
    rounds: dict[int, list[Round]] = {1: [], WORKERS: []}
    for _ in range(ROUNDS if concurrency == 1 else 3):
        for count, measured in rounds.items():
            measured.append(_round(site, workers, count, each, bundle))
    pairs = list(zip(rounds[1], rounds[WORKERS], strict=True))
    one, four = (statistics.median(one.rate for one in measured) for measured in rounds.values())
    busy = statistics.median(one.workers + one.parts for one in rounds[1])
    report.add(
        f"deploys a second, 4 workers / 1, {name}, {concurrency} at a time each",
        statistics.median(four.rate / one.rate for one, four in pairs),
        "x",
        # If one worker alone uses more than this share of the cores, four workers cannot reach more.
        at_least=1.6 if name.endswith("small") and concurrency == 1 else None,
        # The theoretical result if four workers left no core unused, and a deploy took them no longer than one worker.
        most=(os.cpu_count() or 1) / busy,
        one_per_s=one,
        four_per_s=four,
        cores_of_one=statistics.median(one.workers for one in rounds[1]),
        parts_of_one=statistics.median(one.parts for one in rounds[1]),
        cores_of_four=statistics.median(one.workers for one in rounds[WORKERS]),
        parts_of_four=statistics.median(one.parts for one in rounds[WORKERS]),
    )


def _round(
    site: Machine, workers: list[subprocess.Popen[bytes]], count: int, each: int, bundle: Callable[[int], bytes]
) -> Round:
    with site.records() as records:
        # After the last round, only the running background work is awaited, because the remaining work would take
        # minutes.
        records.execute("delete from procrastinate_jobs where status = 'todo'")
        _until(records, "select not exists (select from procrastinate_jobs where status in ('todo', 'doing'))")
        for worker in workers:
            worker.send_signal(signal.SIGSTOP)
        for app in [RunningApp.create(site) for _ in range(APPS)]:
            for number in range(each):
                app.order(app.upload(bundle(number)))
            app.client.close()
        chosen = workers[:count]
        began, before, parts = (
            time.perf_counter(),
            processor_time([w.pid for w in chosen]),
            processor_time(site.parts[:]),
        )
        for worker in chosen:
            worker.send_signal(signal.SIGCONT)
        _until(records, "select not exists (select from deploy where status in ('queued', 'building'))")
        took = time.perf_counter() - began
        busy, parts = processor_time([w.pid for w in chosen]) - before, processor_time(site.parts[:]) - parts
        for worker in workers:
            worker.send_signal(signal.SIGCONT)
        failed = records.execute("select count(*) from deploy where status <> 'complete'").fetchone()
        assert failed == (0,), failed
    return Round(APPS * each / took, busy / took, parts / took)


def _until(records: psycopg.Connection[tuple[object, ...]], query: str) -> None:
    deadline = time.monotonic() + 600
    while records.execute(query.encode()).fetchone() != (True,):
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


def small(number: int) -> bytes:
    files = {"index.html": f"<!doctype html><title>{random.random()}</title><script src='/a0.js'></script>"}
    return zip_of(files | {f"a{n}.js": f"console.log({number}, {n});\n" * 60 for n in range(9)})


def realistic(number: int) -> bytes:
    """Returns about 300 files in about 3 MB: scripts and pages that compress, pictures that do not compress, and an
    entry page."""
    data = io.BytesIO(_common())
    with zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.html", f"<!doctype html><title>{number} {random.random()}</title>")
    return data.getvalue()


def _common(made: list[bytes] = []) -> bytes:  # noqa: B006 (kept for the next call)
    if not made:
        source = random.Random(3)
        files: dict[str, str | bytes] = {}
        for n in range(250):
            words = [f"{source.getrandbits(20):x}" for _ in range(300)]
            files[f"assets/chunk-{n}.js"] = ";".join(source.choice(words) for _ in range(source.randrange(500, 5000)))
        for n in range(50):
            files[f"images/{n}.webp"] = source.randbytes(source.randrange(8_000, 40_000))
        made.append(zip_of(files))
    return made[0]
