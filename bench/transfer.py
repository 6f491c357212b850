"""Traffic: bytes of visits compared with Caddy's, and the time of a small range of a long deflated file."""

from __future__ import annotations

import base64
import http.client
import io
import os
import random
import shutil
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.deploys import CACHE
from bench.measure import Report
from bench.peers import caddy
from testbed.built_sites import Site, built_sites
from testbed.large_bundle import LargeBundleUnavailable
from testbed.running import RunningApp, make_platform, zip_of

LONG = 200_000_000
PART = 100
ROUNDS = 40
AT_MOST_MS = 5.0
CADDYS = "encode zstd gzip"
"""Caddy's encodings. Caddy has no brotli."""
BROWSER: Mapping[str, str] = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate, br, zstd"}


def run(report: Report, folder: Path) -> None:
    """Measures both on the same Easel."""
    (folder / "transfer").mkdir()
    platform = make_platform(folder / "transfer")
    platform.start()
    try:
        _measure_part(report, RunningApp.create(platform), platform.edge_port, platform.settle)
        try:
            sites = built_sites(CACHE)
        except LargeBundleUnavailable as error:
            report.fail("bytes of a visit", str(error))
            return
        if shutil.which("caddy") is None:
            report.skip("bytes of a visit", "caddy is not installed")
            return
        for site in sites:
            _compare(report, site, RunningApp.create(platform), platform.edge_port, platform.settle)
    finally:
        platform.stop()


def _measure_part(report: Report, app: RunningApp, port: int, settle: Callable[[], None]) -> None:
    # Deflate compresses as much as base64 adds, so there is a lot to read.
    content = base64.b64encode(os.urandom(LONG * 3 // 4))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("index.html", "<!doctype html>")
        archive.writestr("long.db", content)
    deployed = app.wait(app.order(app.upload(data.getvalue())), 300)
    assert deployed["status"] == "complete", deployed
    settle()
    host = f"{app.slug}.localhost"
    places = [len(content) - PART] + [random.Random(1).randrange(len(content) - PART) for _ in range(ROUNDS)]
    for name, starts in (("the end", places[:1] * ROUNDS), ("any place", places[1:])):
        taken = []
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for start in starts:
            began = time.perf_counter()
            connection.request("GET", "/long.db", headers={"Host": host, "Range": f"bytes={start}-{start + PART - 1}"})
            part = connection.getresponse().read()
            taken.append((time.perf_counter() - began) * 1000)
            assert part == content[start : start + PART]
        connection.close()
        report.add(
            f"{PART} bytes at {name} of {LONG // 1_000_000} MB, deflated",
            statistics.median(taken),
            "ms",
            at_most=AT_MOST_MS,
            most=max(taken),
        )


def _compare(report: Report, site: Site, app: RunningApp, port: int, settle: Callable[[], None]) -> None:
    ours = _Visitor(port, f"{app.slug}.localhost")
    with (
        tempfile.TemporaryDirectory(prefix="easel-transfer-", ignore_cleanup_errors=True) as folder,
        caddy(Path(folder), site.files, CADDYS) as server,
    ):
        peers = _Visitor(server.port, server.host)
        changed = site.changed()
        for name, files in (("first visit", site.files), ("visit after a changed line", changed)):
            if files is changed:
                # All other files keep their time, by which Caddy detects changes.
                (Path(folder) / "www" / site.changes).write_bytes(changed[site.changes])
            app.wait(app.order(app.upload(zip_of(files))), 120)
            settle()
            easel, peer = ours.visit(site.loads), peers.visit(site.loads)
            name = f"bytes of a {name}, {site.name} / Caddy"
            report.add(name, easel / peer, "x", at_most=1.0, easel=easel, peer=peer)


class _Visitor:
    """A browser's cache for one server. It requests a cached file only if necessary."""

    def __init__(self, port: int, host: str) -> None:
        self._port = port
        self._host = host
        self._tags: dict[str, str] = {}
        self._kept: set[str] = set()

    def visit(self, loads: tuple[str, ...]) -> int:
        """Opens the page, and returns the bytes of all responses, including their heads."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        total = 0
        for path in ("", *loads):
            if path in self._kept:
                continue
            headers = {"Host": self._host, **BROWSER}
            if path in self._tags:
                headers["If-None-Match"] = self._tags[path]
            connection.request("GET", f"/{path}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status in (200, 304), (path, answer.status)
            total += len(body) + sum(len(name) + len(value) + 4 for name, value in answer.getheaders()) + 19
            self._tags[path] = answer.headers.get("ETag") or ""
            if "immutable" in (answer.headers.get("Cache-Control") or ""):
                self._kept.add(path)
        connection.close()
        return total
