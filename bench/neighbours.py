"""Neighbours: the effect on one organisation of another organisation that does everything it may, on the same Easel.

The other organisation queues deploys of small zips that inflate to almost the limit. Then it writes the largest
configuration through 64 connections. Then it opens log streams by the hundred. Its clients run in a separate process
(`python -m bench.neighbours`), but their use of the machine is part of the measurement.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.measure import Report, seconds
from testbed.running import Platform, RunningApp, make_platform, zip_of

ZIPS = int(os.environ.get("BENCH_ZIPS", "24"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
CONNECTIONS = 64
STREAMS = 1500
MEBIBYTE = 1024 * 1024


def run(report: Report, folder: Path) -> None:
    """Measures one-file deploys and plain requests of one organisation while the other organisation is active."""
    (folder / "neighbours").mkdir()
    platform = make_platform(folder / "neighbours")
    platform.start()
    try:
        other = platform.organisation("Other")
        _deploys(report, platform, other)
        _requests(report, platform, other)
    finally:
        platform.stop()


def _deploys(report: Report, platform: Platform, other: str) -> None:
    app = RunningApp.create(platform)
    key = app.upload(zip_of({"index.html": "<!doctype html>"}))
    alone = [seconds(lambda: app.wait(app.order(key))) for _ in range(7)]
    platform.settle()
    heavy = _heavy_zip()
    theirs = [RunningApp.create(platform, key=other) for _ in range(ZIPS)]
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda one: one.upload(heavy), theirs))
        ordered = list(pool.map(lambda one, key: one.order(key), theirs, keys))
    beside: list[float] = []
    while theirs[-1].status(ordered[-1])["status"] == "queued" and len(beside) < 7:
        beside.append(seconds(lambda: app.wait(app.order(key))))
        time.sleep(0.5)
    report.add(
        f"one-file deploy beside {ZIPS} that inflate to 2,000 MiB, worst",
        max(beside),
        "s",
        at_most=3,
        median_s=statistics.median(beside),
        alone_s=statistics.median(alone),
        deploys=len(beside),
    )
    for one, deploy in zip(theirs, ordered, strict=True):
        if one.status(deploy)["status"] not in ("complete", "failed"):
            one.client.post(f"{one.path}/deploys/{deploy}/cancel")
    platform.settle()


def _heavy_zip() -> bytes:
    """Returns 2 MB that inflate to 2,000 MiB."""
    files: dict[str, str | bytes] = {"index.html": "<!doctype html>"}
    return zip_of({**files, **{f"{n}.bin": bytes(250 * MEBIBYTE) for n in range(8)}})


def _requests(report: Report, platform: Platform, other: str) -> None:
    app = RunningApp.create(platform, key=other)
    deploy = app.deploy({"index.html": "<!doctype html>"})["deploy_id"]
    alone = _asked(platform)
    for what, path in (
        (f"{CONNECTIONS} connections that write 2 MiB", app.path),
        (f"{STREAMS} log streams opened at once", f"{app.path}/deploys/{deploy}/logs/stream"),
    ):
        with _hostile(platform.api_url + path, other):
            beside = _asked(platform)
        report.add(
            f"plain request beside {what} / alone, p99",
            _p99(beside) / _p99(alone),
            "ratio",
            at_most=2,
            median_ratio=statistics.median(beside) / statistics.median(alone),
            p99_ms=_p99(beside) * 1000,
            median_ms=statistics.median(beside) * 1000,
            alone_p99_ms=_p99(alone) * 1000,
            alone_median_ms=statistics.median(alone) * 1000,
        )


def _asked(platform: Platform) -> list[float]:
    times = []
    until = time.monotonic() + SECONDS
    with platform.client() as client:
        while time.monotonic() < until:
            times.append(seconds(lambda: client.get("/v1/keys").raise_for_status()))
            time.sleep(0.01)
    return times


def _p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


@contextmanager
def _hostile(url: str, key: str) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.neighbours", url, key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.terminate()
        print("  the other one was answered", process.stdout.read().strip())


async def _storm(url: str, key: str) -> None:
    """Writes, or follows logs, through that many connections until it is ended, and reports the responses."""
    answered: dict[int | str, int] = {}
    sections = [{"type": "text", "props": {"text": "x" * 19_000}} for _ in range(50)]
    body = json.dumps({"custom_html": "x" * 1_000_000, "sections": sections}).encode()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        timeout=60,
        limits=limits,
        trust_env=False,
    ) as client:

        async def go_on() -> None:
            while True:
                told: int | str
                try:
                    if url.endswith("/stream"):
                        answer = await _follow(client, url)
                    else:
                        answer = await client.patch(url, content=body)
                    told, pause = answer.status_code, float(answer.headers.get("retry-after", "0"))
                except httpx.HTTPError as error:
                    told, pause = type(error).__name__, 1
                answered[told] = answered.get(told, 0) + 1
                await asyncio.sleep(pause)

        count = STREAMS if url.endswith("/stream") else CONNECTIONS
        tasks = [asyncio.create_task(go_on()) for _ in range(count)]
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(15, stopped.set)
        await asyncio.sleep(1)
        print("storms", flush=True)
        await stopped.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        print(answered, flush=True)


async def _follow(client: httpx.AsyncClient, url: str) -> httpx.Response:
    async with client.stream("GET", url) as answer:
        async for _ in answer.aiter_bytes():
            pass
        return answer


def main(arguments: list[str]) -> Any:
    """Runs as the other organisation's process."""
    url, key = arguments
    asyncio.run(_storm(url, key))


if __name__ == "__main__":
    main(sys.argv[1:])
