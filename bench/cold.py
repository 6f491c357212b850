"""The first visit to an edge with empty caches: the page of the large bundle, from a bucket.

The peer is one GET of as many bytes as the edge needed. It uses the same bucket and the same client library, in a
process that has not used the bucket before either. Each round starts a new edge process with an empty disk.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import obstore
from obstore.store import S3Store

from bench.counting import counted
from bench.deploys import CACHE
from bench.measure import Report
from bench.workers import Machine
from easel.bundles.models import Member, decode_manifest
from easel.storage.embedded import EmbeddedPostgres
from testbed.large_bundle import ENTRY, LargeBundleUnavailable, large_bundle
from testbed.running import RunningApp
from testbed.stores import Bucket, moto

ROUNDS = 15


def run(report: Report, folder: Path) -> None:
    """Deploys the large bundle, then starts one cold edge after the other."""
    name = "first visit to a cold edge / one GET of as many bytes"
    try:
        large = large_bundle(CACHE)
    except LargeBundleUnavailable as error:
        report.fail(name, str(error))
        return
    server = EmbeddedPostgres(folder / "cold" / "database" / "postgres")
    # The other server, rclone's, responds to every range with the whole object.
    with moto() as bucket:
        site = Machine.prepared(folder / "cold" / "machine", server.start(), bucket.environment("bench"))
        try:
            with site.api():
                app = RunningApp.create(site)
                worker = site.begin("worker")
                app.deploy(large)
                worker.terminate()
                worker.wait(90)
            _measure(report, name, site, app, bucket)
        finally:
            server.stop()


def _measure(report: Report, name: str, site: Machine, app: RunningApp, bucket: Bucket) -> None:
    bundle, member = asyncio.run(_page(bucket.objects("bench"), app.app_id))
    with counted(bucket) as (watched, asked):
        _first_visit(site, app, watched)
        # A starting edge also lists the bucket, to check that it exists.
        requests, needed = asked.requests["GET"] + asked.requests["HEAD"], asked.received
    report.add("requests to the bucket for a first visit", requests, "requests")
    visits, gets, alone = [], [], []
    for _ in range(ROUNDS):
        visits.append(_first_visit(site, app, bucket))
        gets.append(_one_get(bucket, bundle, 0, needed))
        alone.append(_one_get(bucket, bundle, member.offset, member.length))
    visit, get, least = (statistics.median(times) for times in (visits, gets, alone))
    report.add(name, visit / get, "ratio", at_most=1.5, visit_ms=visit * 1000, get_ms=get * 1000, bytes=needed)
    report.add("the same / one GET of the page alone", visit / least, "ratio", get_ms=least * 1000, bytes=member.length)


async def _page(store: S3Store, app_id: str) -> tuple[str, Member]:
    """Returns the key of the bundle that contains the page, and the page's offset."""
    (found,) = await obstore.list(store, prefix=f"apps/{app_id}/manifests").collect_async()
    manifest = decode_manifest(bytes(await (await obstore.get_async(store, found["path"])).bytes_async()))
    member = manifest.files[ENTRY]
    return manifest.bundles[member.bundle].key, member


def _first_visit(site: Machine, app: RunningApp, bucket: Bucket) -> float:
    """Returns the seconds from the request to the end of the response, on an existing connection."""
    shutil.rmtree(site.data_dir / "edge", ignore_errors=True)
    edge = site.begin("edge", environment={"EASEL_EDGE_PORT": str(site.edge_port), **bucket.environment("bench")})
    try:
        connection = _connected(site.edge_port)
        host = {"Host": f"{app.slug}.localhost", "Accept": "text/html"}
        began = time.perf_counter()
        connection.request("GET", "/", headers=host)
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        assert answer.status == 200, body[:500]
        assert b"Large bundle" in body, body[:500]
        connection.close()
        return took
    finally:
        edge.terminate()
        edge.wait(60)


def _connected(port: int) -> http.client.HTTPConnection:
    """Returns a connection to the edge once the edge is ready. No app was requested on the connection."""
    deadline = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return connection
        except OSError:
            assert time.monotonic() < deadline
        connection.close()
        time.sleep(0.02)


def _one_get(bucket: Bucket, key: str, start: int, length: int) -> float:
    """Returns the seconds of one ranged GET in a fresh process, without the start of the process."""
    asked = {"port": bucket.port, "name": bucket.name, "key": key, "start": start, "length": length}
    done = subprocess.run(
        [sys.executable, "-m", "bench.cold", json.dumps(asked)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


async def _get(port: int, name: str, key: str, start: int, length: int) -> float:
    store = Bucket(port, name).objects("bench")
    began = time.perf_counter()
    data = await obstore.get_range_async(store, key, start=start, length=length)
    assert len(bytes(data)) == length
    return time.perf_counter() - began


if __name__ == "__main__":
    print(asyncio.run(_get(**json.loads(sys.argv[1]))), flush=True)
    # The store's threads may still use objects that Python removes at a normal exit.
    os._exit(0)
