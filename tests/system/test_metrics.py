"""Metrics for operators."""

from __future__ import annotations

import os
import signal

import httpx

from testbed.running import METRICS_ABOVE, Platform, RunningApp, zip_of
from testbed.waiting import until
from tests.system.test_survival import child


def metrics(port: int) -> dict[str, float]:
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=60).text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def test_the_metrics_cover_the_queue_the_steps_and_the_edge(own: Platform) -> None:
    worker_port = int(own.environment["EASEL_WORKER_METRICS_PORT"])
    app = RunningApp.create(own)
    app.deploy({"index.html": "<!doctype html>one"})
    assert app.visit().status_code == 200
    key = app.upload(zip_of({"index.html": "<!doctype html>two"}))
    worker = child(own, "worker")
    os.kill(worker, signal.SIGSTOP)
    waiting = [app.order(key) for _ in range(3)]
    told = metrics(own.api_port + METRICS_ABOVE)
    assert told["easel_database_up"] == 1
    assert told['easel_deploys{status="queued"}'] == 3
    assert told['easel_deploys_oldest_seconds{status="queued"}'] > 0
    assert told['easel_deploys_waiting_seconds{for="worker"}'] > 0
    assert told['easel_deploys_waiting_seconds{for="app"}'] == 0
    assert told['easel_jobs_waiting{queue="deploys"}'] == 3
    os.kill(worker, signal.SIGCONT)
    assert [app.wait(deploy_id)["status"] for deploy_id in waiting] == ["complete"] * 3
    assert metrics(own.api_port + METRICS_ABOVE)['easel_deploys{status="queued"}'] == 0
    # The worker counts a deploy after it has ended the deploy.
    until(lambda: metrics(worker_port)['easel_deploys_ended_total{status="complete"}'] >= 4)
    assert metrics(worker_port)['easel_deploy_step_seconds_count{step="record"}'] >= 4
    assert metrics(own.edge_port + METRICS_ABOVE)["easel_edge_fresh"] == 1
