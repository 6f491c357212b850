"""Deploys under polling: 200 clients request the status of a deploy, a thousand times a second in total.

The clients are one process (`python -m bench.polling`). Each client has its own persistent connection, and requests its
own deploy five times a second, at its own moments. Their cost for the machine is part of the measurement. A deploy
counts as ended when its app's address serves the new version, because its status would measure the speed of responses
to polls.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench.deploys import small_files
from bench.measure import Report, seconds
from testbed.running import Platform, RunningApp, make_platform, zip_of

CLIENTS = 200
RATE = 1000
"""Polls per second of all clients together."""
ROUNDS = 30
DEPLOYS = 6
"""Number of deploys per round with polling, and number of deploys without polling."""


def run(report: Report, folder: Path) -> None:
    """Measures small deploys with polling and without, in turn."""
    (folder / "polled").mkdir()
    platform = make_platform(folder / "polled")
    platform.start()
    try:
        paths = _deploys_to_poll(platform)
        app = RunningApp.create(platform)
        keys = [app.upload(zip_of(small_files(number))) for number in range(DEPLOYS)]
        quiet, polled = [], []
        with _clients(platform, paths) as clients:
            _deploys(app, keys)
            platform.settle()
            for _ in range(ROUNDS):
                quiet += _deploys(app, keys)
                clients.go()
                polled += _deploys(app, keys)
                clients.stop()
            answers = clients.told()
    finally:
        platform.stop()
    report.add(
        "small deploy, 1000 polls a second / none",
        statistics.median(polled) / statistics.median(quiet),
        "ratio",
        at_most=1.25,
        polled_ms=statistics.median(polled) * 1000,
        quiet_ms=statistics.median(quiet) * 1000,
    )
    report.add("polls answered a second meanwhile", answers["rate"], "1/s", at_least=0.98 * RATE)
    report.add("answer to a poll, median", answers["median_ms"], "ms", p99_ms=answers["p99_ms"])


def _deploys_to_poll(platform: Platform) -> list[str]:
    """Returns a deploy for each client, of twenty apps."""
    paths = []
    for _ in range(20):
        app = RunningApp.create(platform)
        key = app.upload(zip_of(small_files(0)))
        ordered = [app.order(key) for _ in range(CLIENTS // 20)]
        app.wait(ordered[-1])
        paths += [f"{app.path}/deploys/{deploy_id}" for deploy_id in ordered]
    return paths


def _deploys(app: RunningApp, keys: list[str]) -> list[float]:
    return [seconds(lambda key=key: _deploy_until_seen(app, key)) for key in keys]  # type: ignore[misc]


def _deploy_until_seen(app: RunningApp, key: str) -> None:
    before = _version_seen(app)
    app.order(key)
    while _version_seen(app) == before:
        time.sleep(0.001)


def _version_seen(app: RunningApp) -> str | None:
    version: str | None = app.visit().headers.get("x-easel-version")
    return version


class _Clients:
    """The process with the clients, which poll from `go` to `stop`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def go(self) -> None:
        """Starts the clients, and returns when all of them poll."""
        self._say("go")
        self._said("polling")

    def stop(self) -> None:
        """Stops the clients, and returns when none of them polls any more."""
        self._say("stop")
        self._said("quiet")

    def told(self) -> dict[str, float]:
        """Returns the measurements in total: `rate`, `median_ms`, `p99_ms`."""
        self._say("tell")
        assert self._process.stdout is not None
        told: dict[str, float] = json.loads(self._process.stdout.readline())
        return told

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _said(self, expected: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line == expected, line


@contextmanager
def _clients(platform: Platform, paths: list[str]) -> Iterator[_Clients]:
    command = [sys.executable, "-m", "bench.polling"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        clients = _Clients(process)
        clients._say(json.dumps({"port": platform.api_port, "key": platform.api_key, "paths": paths}))
        yield clients


@dataclass(repr=False)
class _Client(asyncio.Protocol):
    """One client. It polls at its moments, or as soon as its last poll has a response if that is later."""

    request: bytes
    loop: asyncio.AbstractEventLoop
    every: float
    times: list[float] = field(default_factory=list)
    polls: bool = False
    _due: float = 0.0
    _asked: float = 0.0
    _buffer: bytes = b""
    _transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def begin(self, at: float) -> None:
        self.polls = True
        self._due = at
        self.loop.call_at(at, self._ask)

    def _ask(self) -> None:
        if not self.polls:
            return
        assert self._transport is not None
        self._asked = time.perf_counter()
        self._transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, border, body = self._buffer.partition(b"\r\n\r\n")
        if not border:
            return
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = b""
        self.times.append(time.perf_counter() - self._asked)
        self._due = max(self._due + self.every, self.loop.time())
        self.loop.call_at(self._due, self._ask)


async def _poll(port: int, key: str, paths: list[str]) -> None:
    """Follows the commands on standard input, line by line."""
    loop = asyncio.get_running_loop()
    clients = []
    for path in paths:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\r\n"
        client = _Client(head.encode(), loop, len(paths) / RATE)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
        clients.append(client)
    polled = 0.0
    times: list[float] = []
    began = loop.time()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        if line == "go":
            for number, client in enumerate(clients):
                client.begin(loop.time() + number / RATE)
            await asyncio.sleep(2 * len(clients) / RATE)
            for client in clients:
                client.times.clear()
            began = loop.time()
            print("polling", flush=True)
        elif line == "stop":
            polled += loop.time() - began
            for client in clients:
                times += client.times
                client.polls = False
            # By then, pending data has arrived, and every timer has noticed that it is no longer needed.
            await asyncio.sleep(2 * len(clients) / RATE)
            print("quiet", flush=True)
        else:
            times.sort()
            median, p99 = times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000
            print(json.dumps({"rate": len(times) / polled, "median_ms": median, "p99_ms": p99}), flush=True)


if __name__ == "__main__":
    uvloop.run(_poll(**json.loads(sys.stdin.readline())))
