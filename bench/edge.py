"""The edge against nginx and Caddy: the same files, the same client, in turn, with everything of Easel switched on.

Each server is what its operator would run: Easel by `easel serve` with one edge process, its database beside it; nginx
with sendfile, its open-file cache, long keep-alive and no access log; Caddy as its file server comes. Peers serve the
files from a folder on the same disk.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.measure import Report
from testbed.running import RunningApp, free_port, make_platform

ROUNDS = 5
SECONDS = 2
CONNECTIONS = 64
AT_LEAST_OF_NGINX = 0.8
AT_LEAST_OF_CADDY = 3.0
HELD_TO_TARGETS = ("1 KiB", "20 KiB")
"""What the targets are stated for: plain requests, as the peers' own benchmarks make them. The third is told."""

BROWSER: Mapping[str, str] = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0",
    "Accept": "*/*",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding": "identity",
    "Cache-Control": "max-age=0",
    "Referer": "http://bench.localhost/",
    "Sec-Fetch-Dest": "script",
    "Sec-Fetch-Mode": "no-cors",
    "Sec-Fetch-Site": "same-origin",
}
"""What Chromium sends with a request for a script. All get the content as it is: none is to compress while it runs."""

EACH_ANOTHER = """
local n = 0
local head, tail = nil, "; theme=dark\\r\\n\\r\\n"
request = function()
  if head == nil then
    head = wrk.format("GET"):sub(1, -3) .. "Cookie: session="
  end
  n = n + 1
  return head .. n .. tail
end
"""
"""A wrk script by which no two requests are the same bytes, so that nothing known of one helps with another."""


def text(size: int) -> bytes:
    """A script of exactly this size (bytes) that compresses about as a bundled script does."""
    lines = (f"export const v{n} = '{hashlib.sha256(str(n).encode()).hexdigest()[:20]}';\n" for n in range(size))
    written = ""
    while len(written) < size:
        written += next(lines)
    return written[:size].encode()


FILES = {
    "index.html": b"<!doctype html><html><head><title>bench</title></head></html>",
    "1k.js": text(1024),
    "20k.js": text(20 * 1024),
}


@dataclass(frozen=True)
class Asked:
    """What is asked for, again and again."""

    name: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    script: Path | None = None


@dataclass
class Server:
    """A running server: its port, the Host to ask for, and what it achieved (requests a second) by what was asked."""

    port: int
    host: str
    rates: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, asked: Asked, seconds: float) -> float:
        """Requests a second in a round of requests. Raises RuntimeError when an answer was not a 200."""
        return load(self.port, asked, {"Host": self.host, **asked.headers}, seconds)

    def median(self, name: str) -> float:
        """The median rate of all rounds."""
        return statistics.median(self.rates[name])


def load(port: int, asked: Asked, headers: Mapping[str, str], seconds: float) -> float:
    """Requests a second that one wrk thread gets through on `CONNECTIONS` connections."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if asked.script is not None:
        command += ["-s", str(asked.script)]
    command.append(f"http://127.0.0.1:{port}{asked.path}")
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"not every answer was good:\n{said}")
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    assert found is not None, said
    return float(found[1])


@contextmanager
def easel(folder: Path) -> Iterator[Server]:
    """An Easel that serves the files as an app."""
    folder.mkdir(parents=True)
    platform = make_platform(folder, EASEL_EDGE_PROCESSES="1")
    platform.start()
    try:
        app = RunningApp.create(platform)
        assert app.deploy(FILES)["status"] == "complete"
        yield Server(platform.edge_port, f"{app.slug}.localhost")
    finally:
        platform.stop()


@contextmanager
def nginx(folder: Path, workers: str) -> Iterator[Server]:
    """An nginx over the files."""
    port = free_port()
    _write_files(folder / "www", FILES)
    config = folder / "nginx.conf"
    config.write_text(
        f"""
worker_processes {workers}; pid {folder}/pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 2048; multi_accept on; }}
http {{
  types {{ text/html html; text/javascript js; }}
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_timeout 65; keepalive_requests 100000000;
  open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{ listen 127.0.0.1:{port} backlog=1024; root {folder}/www; index index.html; }}
}}
"""
    )
    with _started(["nginx", "-c", str(config), "-p", str(folder)], port):
        yield Server(port, "bench.localhost")


@contextmanager
def caddy(folder: Path, files: Mapping[str, bytes] = FILES, also: str = "") -> Iterator[Server]:
    """A Caddy over the files; `also` is another directive."""
    port = free_port()
    _write_files(folder / "www", files)
    config = folder / "Caddyfile"
    config.write_text(
        f"""
{{
    admin off
    auto_https off
}}
http://:{port} {{
    bind 127.0.0.1
    root * {folder}/www
    file_server
    {also}
}}
"""
    )
    with _started(["caddy", "run", "--config", str(config), "--adapter", "caddyfile"], port, next(iter(files))):
        yield Server(port, "bench.localhost")


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for path in (folder, *folder.parents):
        # nginx's workers may run under another user; the folders above are this benchmark's own.
        if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
            path.chmod(0o755)


@contextmanager
def _started(command: list[str], port: int, path: str = "1k.js") -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 15
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/{path}", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start") from None
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(15)


def run(report: Report) -> None:
    """Measures the edge and its peers in turn."""
    if shutil.which("wrk") is None:
        report.skip("edge", "wrk is not installed")
        return
    peers: dict[str, Callable[[Path], object]] = {}
    if shutil.which("nginx") is not None:
        peers["nginx"] = lambda folder: nginx(folder, "1")
        peers["nginx, auto"] = lambda folder: nginx(folder, "auto")
    else:
        report.skip("edge / nginx", "nginx is not installed")
    if shutil.which("caddy") is not None:
        peers["Caddy"] = caddy
    else:
        report.skip("edge / Caddy", "caddy is not installed")
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
            Asked("1 KiB", "/1k.js"),
            Asked("20 KiB", "/20k.js"),
            Asked("1 KiB, browsers, no two requests alike", "/1k.js", BROWSER, each_another),
        ):
            for server in servers.values():
                server.ask(asked, 1)
            for _ in range(ROUNDS):
                for server in servers.values():
                    server.rates.setdefault(asked.name, []).append(server.ask(asked, SECONDS))
            _report(report, asked.name, servers)


def _check_same(servers: Mapping[str, Server]) -> None:
    """Every server gives the very same bytes. Raises RuntimeError otherwise."""
    for path in ("/1k.js", "/20k.js"):
        for name, server in servers.items():
            answer = httpx.get(
                f"http://127.0.0.1:{server.port}{path}",
                headers={"Host": server.host, "Accept-Encoding": "identity"},
                trust_env=False,
            )
            if answer.status_code != 200 or answer.content != FILES[path[1:]]:
                raise RuntimeError(f"{name} does not serve {path} as it is: {answer.status_code}")


def _report(report: Report, name: str, servers: Mapping[str, Server]) -> None:
    targets = {"nginx": AT_LEAST_OF_NGINX, "Caddy": AT_LEAST_OF_CADDY, "nginx, auto": None}
    own = servers["easel"].rates[name]
    for peer, server in servers.items():
        if peer == "easel":
            continue
        # Rounds are compared one by one: what disturbed a round disturbed both in it.
        ratio = statistics.median(a / b for a, b in zip(own, server.rates[name], strict=True))
        report.add(
            f"edge / {peer}, {name}",
            ratio,
            "x",
            at_least=targets[peer] if name in HELD_TO_TARGETS else None,
            easel_per_s=servers["easel"].median(name),
            peer_per_s=server.median(name),
        )


if __name__ == "__main__":
    run(Report())
