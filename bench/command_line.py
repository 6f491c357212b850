"""The processor time of `easel --help` and of `easel status`, compared with importing httpx."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from bench.measure import Report
from testbed.running import Platform, RunningApp

ROUNDS = 7
_HELP = 0.25
_STATUS = 1.5


def run(report: Report, platform: Platform) -> None:
    """Measures on an app with one deploy."""
    app = RunningApp.create(platform)
    app.deploy({"index.html": "<!doctype html>"})
    environment = {**os.environ, "EASEL_DATA_DIR": str(platform.data_dir)}
    easel = [str(Path(sys.executable).with_name("easel"))]
    commands = {
        "help": [*easel, "--help"],
        "status": [*easel, "status", "--app", app.app_id],
        "httpx": [sys.executable, "-c", "import httpx"],
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(ROUNDS):
        for name, command in commands.items():
            best[name] = min(best[name], processor_time(command, environment))
    report.add("easel --help, processor time", best["help"], "s", at_most=_HELP)
    report.add(
        "easel status against importing httpx",
        best["status"] / best["httpx"],
        "x",
        at_most=_STATUS,
        status_s=best["status"],
        httpx_s=best["httpx"],
    )


def processor_time(command: list[str], environment: dict[str, str]) -> float:
    """Returns the processor time of a command in seconds, user time and system time together. Raises CalledProcessError
    if the command fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
