"""The edge compared with nginx, lighttpd and Caddy: the same files, the same client, in turn, with all of Easel
switched on.

Each server runs as an operator would run it. Easel runs as `easel serve` with one edge process and its database. Peers
serve the files from a folder on the same disk. Besides each rate, the figures show the responses per second of
processor time of all processes of a peer, and of the edge.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import statistics
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from bench.measure import Report
from bench.peers import Asked, Server, caddy, lighttpd, nginx
from bench.worst import processes_of
from testbed.running import RunningApp, make_platform

ROUNDS = 7
SECONDS = 2
PLAIN, SCRIPT, BROWSERS, STORED, DEFLATED = "1 KiB", "20 KiB", "1 KiB, browsers", "1 MiB, stored", "1 MiB, deflated"
AT_LEAST_OF_NGINX = {PLAIN: 1.3, SCRIPT: 1.0, BROWSERS: 1.0, STORED: 0.9, DEFLATED: 0.9}
AT_LEAST_FOR_ITS_PROCESSOR = {BROWSERS: 1.0, STORED: 0.8, DEFLATED: 0.8}
P99_AT_MOST = 1.2
AT_LEAST_OF_CADDY = {PLAIN: 3.0, SCRIPT: 3.0}
ALONE = bool(os.environ.get("BENCH_ALONE"))
"""True if only Easel is measured, once, to be compared with another commit's Easel."""

BROWSER: Mapping[str, str] = {
    "Connection": "keep-alive",
    "sec-ch-ua-platform": '"Linux"',
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0",
    "sec-ch-ua": '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
    "sec-ch-ua-mobile": "?0",
    "Accept": "*/*",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "no-cors",
    "Sec-Fetch-Dest": "script",
    "Accept-Encoding": "identity",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
}
"""Chromium's headers for a script, with Host, Referer and Cookie. All servers send the content unencoded, so no server
compresses during the run."""

EACH_ANOTHER = """
local n = 0
local head, middle, tail = nil, "\\r\\nCookie: theme=dark; session=", "\\r\\n\\r\\n"
request = function()
  if head == nil then
    head = wrk.format("GET"):sub(1, -5) .. "\\r\\nReferer: http://bench.localhost/page/"
  end
  n = n + 1
  return head .. n % 100 .. middle .. n .. tail
end
"""
"""A wrk script that sends different bytes in every request, so that caches of requests do not help."""


def text(size: int) -> bytes:
    """Returns a script of exactly this size (bytes). It compresses about as well as a bundled script."""
    lines = (f"export const v{n} = '{hashlib.sha256(str(n).encode()).hexdigest()[:20]}';\n" for n in range(size))
    written = ""
    while len(written) < size:
        written += next(lines)
    return written[:size].encode()


FILES = {
    "1k.js": text(1024),
    "20k.js": text(20 * 1024),
    "1m.js": text(1024 * 1024),
    "1m.bin": random.Random(1).randbytes(1024 * 1024),
    "index.html": b"<!doctype html><html><head><title>bench</title></head></html>",
}
"""In the app's zip, all files are deflated except the last but one."""


@contextmanager
def easel(folder: Path) -> Iterator[Server]:
    """Yields an Easel that serves the files as an app, without pending background work."""
    folder.mkdir(parents=True)
    platform = make_platform(folder, EASEL_EDGE_PROCESSES="1")
    platform.start()
    try:
        app = RunningApp.create(platform)
        assert app.deploy(_zip())["status"] == "complete"
        platform.settle()
        yield Server(platform.edge_port, f"{app.slug}.localhost", processes_of(platform, "edge"))
    finally:
        platform.stop()


def _zip() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name == "1m.bin" else zipfile.ZIP_DEFLATED)
    return data.getvalue()


def run(report: Report) -> None:
    """Measures the edge and its peers in turn."""
    if shutil.which("wrk") is None:
        report.skip("edge", "wrk is not installed")
        return
    peers = {} if ALONE else _peers(report)
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="easel-edge-", ignore_cleanup_errors=True)))
        own = stack.enter_context(easel(root / "easel"))
        servers = {"easel": own}
        for name, start in peers.items():
            servers[name] = stack.enter_context(start(root / name.replace(", ", "-")))  # type: ignore[arg-type]
        each_another = root / "each-another.lua"
        each_another.write_text(EACH_ANOTHER)
        _check_same(servers)
        for asked in (
            Asked(PLAIN, "/1k.js"),
            Asked(SCRIPT, "/20k.js"),
            Asked(BROWSERS, "/1k.js", BROWSER, each_another),
            Asked(STORED, "/1m.bin"),
            Asked(DEFLATED, "/1m.js"),
        ):
            for server in servers.values():
                server.ask(asked, 1)
            for number in range(1 if ALONE else ROUNDS):
                # The order is reversed in every second round, so that no server always follows the same peer.
                for server in list(servers.values())[:: -1 if number % 2 else 1]:
                    server.rounds.setdefault(asked.name, []).append(server.ask(asked, SECONDS))
            _report(report, asked.name, servers)


def _peers(report: Report) -> dict[str, Callable[[Path], object]]:
    """Returns the installed peers."""
    peers: dict[str, Callable[[Path], object]] = {}
    if shutil.which("nginx") is not None:
        peers["nginx"] = lambda folder: nginx(folder, FILES, "1")
        peers["nginx, auto"] = lambda folder: nginx(folder, FILES, "auto")
    if shutil.which("lighttpd") is not None:
        peers["lighttpd"] = lambda folder: lighttpd(folder, FILES)
    if shutil.which("caddy") is not None:
        peers["Caddy"] = lambda folder: caddy(folder, FILES)
    for name in {"nginx", "lighttpd", "Caddy"} - peers.keys():
        report.skip(f"edge / {name}", f"{name.lower()} is not installed")
    return peers


def _check_same(servers: Mapping[str, Server]) -> None:
    """Checks that every server sends exactly the same bytes. Raises RuntimeError otherwise."""
    for path, content in FILES.items():
        for name, server in servers.items():
            answer = httpx.get(
                f"http://127.0.0.1:{server.port}/{path}",
                headers={"Host": server.host, "Accept-Encoding": "identity"},
                trust_env=False,
            )
            if answer.status_code != 200 or (answer.content != content and path != "index.html"):
                raise RuntimeError(f"{name} does not serve {path} as it is: {answer.status_code}")


def _report(report: Report, name: str, servers: Mapping[str, Server]) -> None:
    rates = {"nginx": AT_LEAST_OF_NGINX, "Caddy": AT_LEAST_OF_CADDY}
    told = f"{name}, no two requests alike" if name == BROWSERS else name
    own = servers["easel"]
    mine = own.median(name)
    if ALONE:
        report.add(f"edge, {told}", mine.rate, "1/s")
        report.add(f"edge, {told}, per processor second", mine.per_processor, "1/s")
        report.add(f"edge, {told}, p99", mine.p99, "ms")
    for peer, server in servers.items():
        if server is own:
            continue
        # Rounds are compared one by one, because a disturbance affects both sides of a round.
        pairs = list(zip(own.rounds[name], server.rounds[name], strict=True))
        its = server.median(name)
        report.add(
            f"edge / {peer}, {told}",
            statistics.median(a.rate / b.rate for a, b in pairs),
            "x",
            at_least=rates.get(peer, {}).get(name),
            easel_per_s=mine.rate,
            peer_per_s=its.rate,
        )
        report.add(
            f"edge / {peer}, {told}, per processor second",
            statistics.median(a.per_processor / b.per_processor for a, b in pairs),
            "x",
            at_least=AT_LEAST_FOR_ITS_PROCESSOR.get(name) if peer == "nginx" else None,
            easel=mine.per_processor,
            peer=its.per_processor,
        )
        report.add(
            f"edge / {peer}, {told}, p99",
            statistics.median(a.p99 / b.p99 for a, b in pairs),
            "x",
            at_most=P99_AT_MOST if peer == "nginx" else None,
            easel_ms=mine.p99,
            peer_ms=its.p99,
        )


if __name__ == "__main__":
    run(Report())
