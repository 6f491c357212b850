"""nginx, lighttpd and Caddy over a folder of files, each configured as an operator would, and `wrk` to load them."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.apart import descendants
from bench.worst import processor_time
from testbed.running import free_port

CONNECTIONS = 64
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Asked:
    """The repeated request."""

    name: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    script: Path | None = None


@dataclass(frozen=True)
class Round:
    """Requests per second, requests per second of the server's processor time, and the 99th percentile of the response
    time (ms)."""

    rate: float
    per_processor: float
    p99: float


@dataclass
class Server:
    """A running server: its port, the Host to request, its processes, and its rounds by request."""

    port: int
    host: str
    processes: list[int]
    rounds: dict[str, list[Round]] = field(default_factory=dict)

    def ask(self, asked: Asked, seconds: int) -> Round:
        """Runs one round of requests. Raises RuntimeError if a response was not a 200."""
        before = processor_time(self.processes)
        rate, answers, p99 = load(self.port, asked, {"Host": self.host, **asked.headers}, seconds)
        return Round(rate, answers / (processor_time(self.processes) - before), p99)

    def median(self, name: str) -> Round:
        """Returns the medians of all rounds."""
        rounds = self.rounds[name]
        return Round(
            statistics.median(round.rate for round in rounds),
            statistics.median(round.per_processor for round in rounds),
            statistics.median(round.p99 for round in rounds),
        )


def load(port: int, asked: Asked, headers: Mapping[str, str], seconds: int) -> tuple[float, int, float]:
    """Returns the requests per second of one wrk thread on `CONNECTIONS` connections, the number of requests, and the
    99th percentile of the response time (ms)."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if asked.script is not None:
        command += ["-s", str(asked.script)]
    command.append(f"http://127.0.0.1:{port}{asked.path}")
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    answers = re.search(r"([0-9]+) requests in", said)
    p99 = re.search(r"99%\s+([0-9.]+)(us|ms|s)\b", said)
    if "Non-2xx" in said or "Socket errors" in said or rate is None or answers is None or p99 is None:
        raise RuntimeError(f"not every answer was good:\n{said}")
    return float(rate[1]), int(answers[1]), float(p99[1]) * _MILLISECONDS[p99[2]]


@contextmanager
def nginx(
    folder: Path, files: Mapping[str, bytes], workers: str, *, more: str = "", of_server: str = ""
) -> Iterator[Server]:
    """Yields an nginx over the files, with sendfile, its open-file cache, long keep-alive and no access log. `more` are
    further directives. `of_server` are further directives inside `server`."""
    port = free_port()
    _write_files(folder / "www", files)
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
  server {{ listen 127.0.0.1:{port} backlog=1024; root {folder}/www; index index.html; {of_server} }}
  {more}
}}
"""
    )
    with _started(["nginx", "-c", str(config), "-p", str(folder)], port, next(iter(files))) as processes:
        yield Server(port, "bench.localhost", processes)


@contextmanager
def lighttpd(folder: Path, files: Mapping[str, bytes]) -> Iterator[Server]:
    """Yields a lighttpd over the files, with sendfile, long keep-alive and no access log."""
    port = free_port()
    _write_files(folder / "www", files)
    config = folder / "lighttpd.conf"
    config.write_text(
        f"""
server.document-root = "{folder}/www"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/error.log"
server.network-backend = "sendfile"
server.max-keep-alive-idle = 65
server.max-keep-alive-requests = 60000
server.max-fds = 4096
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html", ".js" => "text/javascript", "" => "application/octet-stream" )
"""
    )
    with _started(["lighttpd", "-D", "-f", str(config)], port, next(iter(files))) as processes:
        yield Server(port, "bench.localhost", processes)


@contextmanager
def caddy(folder: Path, files: Mapping[str, bytes], also: str = "") -> Iterator[Server]:
    """Yields a Caddy over the files with its file server's defaults. `also` is another directive."""
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
    command = ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]
    with _started(command, port, next(iter(files))) as processes:
        yield Server(port, "bench.localhost", processes)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for path in (folder, *folder.parents):
        # nginx's workers may run under another user, and the parent folders belong to this benchmark.
        if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
            path.chmod(0o755)


@contextmanager
def _started(command: list[str], port: int, path: str) -> Iterator[list[int]]:
    """Yields the processes of a server, once it responds."""
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
        yield list(descendants([process.pid]))
    finally:
        process.terminate()
        process.wait(15)
