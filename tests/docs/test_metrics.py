"""docs/operations/metrics.md names exactly the exported metrics, and the alerts use only these."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from testbed.running import METRICS_ABOVE, Platform

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations" / "metrics.md").read_text()
RULES = ROOT / "deploy" / "prometheus"


def documented(role: str) -> set[str]:
    return set(re.findall(rf"^\| `(easel_\w+)[^|]*\| {role} \|", TEXT, re.M))


def exported(port: int) -> set[str]:
    told = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=60).text
    names = re.findall(r"^# TYPE (easel_\w+) ", told, re.M)
    return {name for name in names if not name.endswith("_created")}


def test_every_metric_is_documented_and_every_documented_metric_exists(platform: Platform) -> None:
    worker = platform.environment.get("EASEL_WORKER_METRICS_PORT")
    if worker is None:
        pytest.skip("the workers of this platform serve no metrics")
    # All processes are forked from one process that has imported the modules of all roles. Metrics of other roles stay
    # at zero.
    forked = documented("api") | documented("worker") | documented("builder")
    assert documented("api") <= exported(platform.api_port + METRICS_ABOVE) <= forked
    assert documented("worker") <= exported(int(worker)) <= forked
    assert exported(platform.edge_port + METRICS_ABOVE) == documented("edge")


def test_alerts_use_existing_metrics_and_each_has_advice() -> None:
    rules = (RULES / "alerts.yml").read_text()
    known = documented("api") | documented("worker") | documented("builder") | documented("edge")
    named = {name.removesuffix("_count") for name in re.findall(r"\beasel_\w+", rules)}
    assert named <= known
    assert set(re.findall(r"- alert: (\w+)", rules)) == set(re.findall(r"`(Easel\w+)`", TEXT.split("## Alerts")[1]))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool; install the package `prometheus`")
@pytest.mark.parametrize("command", ["check config prometheus.yml", "test rules alerts_test.yml"])
def test_prometheus_accepts_the_files_and_alerts_when_it_should(command: str) -> None:
    done = subprocess.run(["promtool", *command.split()], cwd=RULES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
