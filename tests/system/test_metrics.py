"""Metrics: what somebody who runs Easel watches."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx

from bench.running import RunningApp, free_port, make_platform, zip_of
from tests.system.test_survival import child


def metrics(port: int) -> dict[str, float]:
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def test_the_queue_the_steps_and_the_edge_are_told(tmp_path: Path) -> None:
    worker_port = free_port()
    platform = make_platform(tmp_path, EASEL_WORKER_METRICS_PORT=str(worker_port))
    platform.start()
    try:
        app = RunningApp.create(platform)
        app.deploy({"index.html": "<!doctype html>one"})
        assert app.visit().status_code == 200
        key = app.upload(zip_of({"index.html": "<!doctype html>two"}))
        worker = child(platform, "worker")
        os.kill(worker, signal.SIGSTOP)
        waiting = [app.order(key) for _ in range(3)]
        told = metrics(platform.api_port)
        assert told["easel_database_up"] == 1
        assert told['easel_deploys{status="queued"}'] == 3
        assert told['easel_deploys_oldest_seconds{status="queued"}'] > 0
        assert told['easel_jobs_waiting{queue="deploys"}'] == 3
        os.kill(worker, signal.SIGCONT)
        assert [app.wait(deploy_id)["status"] for deploy_id in waiting] == ["complete"] * 3
        assert metrics(platform.api_port)['easel_deploys{status="queued"}'] == 0
        worked = metrics(worker_port)
        assert worked['easel_deploys_ended_total{status="complete"}'] == 4
        assert worked['easel_deploy_step_seconds_count{step="record"}'] == 4
        assert metrics(platform.edge_port)["easel_edge_fresh"] == 1
    finally:
        platform.stop()
