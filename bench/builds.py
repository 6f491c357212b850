"""Builds: Easel's own overhead compared with the same commands run by hand, rebuilds, the start of a sandbox, and the
effect on visitors.

The project is one of `make test-builds`. "By hand" is a shell of the same user on the same machine: `git clone`, `npm
ci`, `npm run build`, with the builds' Node. Both sides take their packages from the same cache of the registry on
loopback, which was filled before. Both sides are measured in turn, and the figures are medians with the smallest and
the largest value of a round.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.measure import Report, seconds
from easel.builds.sandbox.command import Command
from easel.builds.sandbox.limits import Limits
from easel.builds.sandbox.sandbox import Sandbox
from easel.builds.toolchains.node import host_npm
from easel.errors import EaselError
from easel.outgoing.hosts import HostRules
from easel.settings import Settings
from testbed.git_server import GitServer, git_server
from testbed.registry import CachedRegistry, RegistryMissingError, cached_registry
from testbed.running import Platform, RunningApp, make_platform, zip_of

PROJECTS = Path(__file__).parents[1] / "tests" / "data" / "builds"
ROUNDS = 7
SETTLED = 1.0
"""Seconds after a deploy in which its builder saves the caches. The other side is measured only afterwards."""
STARTS = 20
PAUSE = 0.2
"""Seconds between two starts."""
ASKED_FOR = 8.0
"""Seconds of requests, both without a build and during a build."""
DEPLOYS = 8
_LOOPBACK = "127.0.0.0/8"

BURNER = """
const { Worker, isMainThread } = require('node:worker_threads')
const { mkdirSync, writeFileSync } = require('node:fs')
const until = Date.now() + Number(process.env.BENCH_SECONDS ?? 60) * 1000
if (isMainThread) {
  mkdirSync('dist', { recursive: true })
  writeFileSync('dist/index.html', '<!doctype html>')
  for (let n = 0; n < 4; n++) new Worker(__filename)
} else {
  let text = ''
  while (Date.now() < until) {
    for (let n = 0; n < 1e6; n++) text = String(n)
    writeFileSync(`dist/${process.pid}-${text}.txt`, text.repeat(1e5))
  }
}
"""
"""A build that keeps all processors and the disk busy."""


def run(report: Report, folder: Path) -> None:
    """Runs all measurements. Needs the registry. An unreachable registry is a failure, not a figure."""
    try:
        sandbox = Sandbox.find(Settings(data_dir=folder / "sandbox"))
        asyncio.run(_starts(report, sandbox, folder / "starts"))
        with cached_registry(folder / "registry") as registry:
            _builds(report, folder, registry)
    except RegistryMissingError as error:
        report.fail("builds", str(error))
    except EaselError as error:
        report.fail("builds", error.message)


def _builds(report: Report, folder: Path, registry: CachedRegistry) -> None:
    (folder / "builds").mkdir()
    platform = make_platform(folder / "builds", EASEL_PRIVATE_NETWORKS=_LOOPBACK, **registry.environment)
    platform.start()
    try:
        with git_server(folder / "git") as server:
            _by_hand(report, platform, server, folder / "hand", registry)
        _meanwhile(report, platform)
    finally:
        platform.stop()


async def _starts(report: Report, sandbox: Sandbox, folder: Path) -> None:
    """Measures the time of `true` in the sandbox, divided by the time of `true` alone."""
    folder.mkdir()
    sandbox.own(folder)
    command = Command(("/bin/true",), folder, Limits.of(Settings()), hosts=HostRules())
    inside, outside = [], []
    for _ in range(STARTS):
        began = time.perf_counter()
        await sandbox.run(command, lambda data: None)
        inside.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec("/bin/true")
        await process.wait()
        outside.append((time.perf_counter() - began) * 1000)
        # A builder starts the process for its next command in advance, while the last one runs.
        await asyncio.sleep(PAUSE)
    over = statistics.median(inside) - statistics.median(outside)
    report.add(
        "builds: sandbox start over running without",
        over,
        "ms",
        at_most=25,
        inside_ms=statistics.median(inside),
        outside_ms=statistics.median(outside),
    )


def _by_hand(report: Report, platform: Platform, server: GitServer, folder: Path, registry: CachedRegistry) -> None:
    """Measures a commit of a Vite app, built first without and then with caches, and the same commands in a shell."""
    folder.mkdir()
    files = {
        str(path.relative_to(PROJECTS / "vite")): path.read_bytes()
        for path in (PROJECTS / "vite").rglob("*")
        if path.is_file()
    }
    server.repository("site.git").commit(files)
    address = f"{server.url}/site.git"
    app = RunningApp.create(platform)
    answer = app.client.post(f"{app.path}/connect-repo", json={"repo_url": address})
    answer.raise_for_status()

    def one_round() -> tuple[float, float, float, float]:
        app.client.delete(f"{app.path}/build-cache").raise_for_status()
        cold = seconds(lambda: _deploy(app))
        time.sleep(SETTLED)
        with _shell(folder, registry) as shell:
            hand_cold = seconds(lambda: shell(f"git clone -q --depth 1 {address} . && npm ci && npm run build"))
            # npm's downloads exist. Only the folder of dependencies is made again.
            hand_warm = seconds(lambda: shell("npm ci && npm run build"))
        warm = seconds(lambda: _deploy(app))
        time.sleep(SETTLED)
        return cold, hand_cold, warm, hand_warm

    # The first round fills the registry's cache.
    one_round()
    cold, hand_cold, warm, hand_warm = zip(*(one_round() for _ in range(ROUNDS)), strict=True)
    mine, theirs = statistics.median(cold), statistics.median(hand_cold)
    report.add(
        "builds: clone + install + build, over by hand less 1 s",
        (mine - 1 - theirs) / theirs * 100,
        "%",
        at_most=8,
        easel_s=mine,
        by_hand_s=theirs,
        over_s=mine - theirs,
        easel_from_to=_spread(cold),
        by_hand_from_to=_spread(hand_cold),
    )
    report.add(
        "builds: rebuild with the same lock file / npm ci && npm run build",
        statistics.median(warm) / statistics.median(hand_warm),
        "ratio",
        at_most=0.5,
        easel_s=statistics.median(warm),
        by_hand_s=statistics.median(hand_warm),
        easel_from_to=_spread(warm),
        by_hand_from_to=_spread(hand_warm),
    )


def _spread(times: Sequence[float]) -> str:
    return f"{min(times):.2f}-{max(times):.2f} s"


@contextmanager
def _shell(folder: Path, registry: CachedRegistry) -> Iterator[Any]:
    """Runs lines in an empty folder, with an npm without downloads."""
    programs = host_npm()
    assert programs is not None
    node, npm = programs
    work, home, path = folder / "work", folder / "home", folder / "bin"
    for made in (work, home, path):
        made.mkdir()
    (path / "npm").write_text(f'#!/bin/sh\nexec {node} {npm} "$@"\n')
    (path / "npm").chmod(0o755)
    (path / "node").symlink_to(node)
    environment = {**os.environ, "HOME": str(home), "PATH": f"{path}:{os.environ['PATH']}", "CI": "true"}
    environment |= registry.environment
    environment |= {"npm_config_audit": "false", "npm_config_fund": "false", "npm_config_update_notifier": "false"}

    def shell(line: str) -> None:
        subprocess.run(["sh", "-ec", line], cwd=work, env=environment, check=True, capture_output=True)

    try:
        yield shell
    finally:
        for made in (work, home, path):
            shutil.rmtree(made)


def _deploy(app: RunningApp) -> dict[str, Any]:
    order = app.client.post(f"{app.path}/deploy", json={"message": "m", "source": "git"})
    order.raise_for_status()
    deploy = order.json()["deploy_id"]
    # The benchmark waits as `easel deploy` does. Polling would take processor time from the build.
    with app.client.stream("GET", f"{app.path}/deploys/{deploy}/logs/stream", timeout=600) as log:
        for _ in log.iter_lines():
            pass
    status = app.wait(deploy, 600)
    assert status["status"] == "complete", status
    return status


def _meanwhile(report: Report, platform: Platform) -> None:
    """Measures requests and deploys of one file, alone and while a build uses everything that it gets."""
    app, busy = RunningApp.create(platform), RunningApp.create(platform)
    files = {"index.html": "<!doctype html><title>x</title>"}
    app.deploy(files)
    platform.settle()
    alone = (_visits(app), _deploys(app, files))
    package = '{"name": "busy", "private": true, "scripts": {"build": "node burn.js"}}'
    source = zip_of({"package.json": package, "burn.js": BURNER})
    order = busy.order(busy.upload(source))
    with busy.client.stream("GET", f"{busy.path}/deploys/{order}/logs/stream") as log:
        # npm prints the command when it starts the command. The plan contains the command before the install.
        assert any("> node burn.js" in line for line in log.iter_lines()), busy.status(order)
    beside = (_visits(app), _deploys(app, files))
    assert busy.status(order)["status"] == "building"
    busy.client.post(f"{busy.path}/deploys/{order}/cancel")
    for name, mine, without in (
        ("edge, p99", _p99(beside[0]), _p99(alone[0])),
        ("a deploy of one file", statistics.median(beside[1]), statistics.median(alone[1])),
    ):
        report.add(
            f"builds: {name} while one runs / without",
            mine / without,
            "ratio",
            at_most=2,
            ms=mine * 1000,
            alone_ms=without * 1000,
        )


def _visits(app: RunningApp) -> list[float]:
    times = []
    until = time.monotonic() + ASKED_FOR
    url = f"http://127.0.0.1:{app.platform.edge_port}/"
    with app.platform.client() as client:
        headers = {"Host": f"{app.slug}.localhost"}
        while time.monotonic() < until:
            times.append(seconds(lambda: client.get(url, headers=headers).raise_for_status()))
            time.sleep(0.005)
    return times


def _deploys(app: RunningApp, files: dict[str, str]) -> list[float]:
    key = app.upload(zip_of(files))
    return [seconds(lambda: app.wait(app.order(key))) for _ in range(DEPLOYS)]


def _p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]
