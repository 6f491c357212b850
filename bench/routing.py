"""An edge's routing table of all apps. The table is in a separate process, so that the process's memory is the table's
memory."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import psycopg

from easel.bundles.models import BundleRef, Manifest, Member, decode_manifest
from easel.edge.routing.feed import DatabaseFeed
from easel.edge.routing.saved_routes import BATCH, SavedRoutes
from easel.edge.routing.table import RouteTable

FILES = 2500


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def measure(url: str) -> dict[str, float]:
    """Loads the whole table, then refreshes it without changes and with one changed app."""
    table = RouteTable()
    feed = DatabaseFeed(url, table, retention=7 * 86400.0)
    before, began = _resident(), time.perf_counter()
    await feed.open()
    await feed.refresh()
    took = time.perf_counter() - began
    told = {"seconds": took, "apps": len(table.apps), "bytes": _resident() - before}
    # The first refresh afterwards queries the changes of the youngest transactions again.
    await feed.refresh()
    some = list(table.apps)[:50]
    nothing, one = [], []
    with psycopg.connect(url, autocommit=True) as connection:
        for app in some:
            nothing.append(await _timed(feed))
            connection.execute("update app set changed_xid = pg_current_xact_id() where id = %s", (app,))
            one.append(await _timed(feed))
    await feed.close()
    return {
        **told,
        **_kept(table),
        "nothing_ms": statistics.median(nothing) * 1000,
        "one_ms": statistics.median(one) * 1000,
    }


def _kept(table: RouteTable) -> dict[str, float]:
    """Returns the size of the whole table on an edge's disk, and the seconds for writing and for reading it."""
    with tempfile.TemporaryDirectory() as folder:
        kept = SavedRoutes(Path(folder), "postgresql://bench/bench")
        began = time.perf_counter()
        generation, apps = kept.begin(), list(table.apps.items())
        for at in range(0, len(apps), BATCH):
            kept.write(apps[at : at + BATCH], generation)
        kept.confirm(time.time(), generation, whole=True)
        wrote = time.perf_counter() - began
        began = time.perf_counter()
        assert kept.load() == table.apps
        read = time.perf_counter() - began
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    return {"kept_bytes": size, "kept_write_seconds": wrote, "kept_read_seconds": read}


async def _timed(feed: DatabaseFeed) -> float:
    began = time.perf_counter()
    await feed.refresh()
    return time.perf_counter() - began


def manifests() -> dict[str, float]:
    """Returns the bytes per file of a manifest, as stored, and in an edge's memory."""
    files = {
        f"assets/components/part-{n:04}.{hashlib.sha256(b'%d' % n).hexdigest()[:8]}.js": Member(
            hashlib.sha256(b"%d" % n).hexdigest(), 9000 + n, "text/javascript", 0, 3000 * n, 2900 + n % 90, 8, 2**31 + n
        )
        for n in range(FILES)
    }
    stored = Manifest([BundleRef("apps/app_0123456789abcdef/bundles/x.zip", "0" * 64, 10**7)], files).encode()
    tracemalloc.start()
    kept = decode_manifest(stored)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(kept.files) == FILES
    began = time.perf_counter()
    for _ in range(10):
        decode_manifest(stored)
    return {
        "stored": len(stored) / FILES,
        "held": held / FILES,
        "decode_ms": (time.perf_counter() - began) * 100,
    }


if __name__ == "__main__":
    print(json.dumps({**asyncio.run(measure(sys.argv[1])), **manifests()}))
