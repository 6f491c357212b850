"""A store that takes requests and does not answer them."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from bench.running import RunningApp, make_platform
from bench.stores import moto


def test_a_store_that_hangs_holds_up_only_who_needs_it(tmp_path: Path) -> None:
    with moto() as bucket:
        platform = make_platform(tmp_path, **bucket.environment("x"))
        platform.start()
        try:
            app = RunningApp.create(platform)
            for page in ("one", "two"):
                app.deploy({"index.html": f"<!doctype html>{page}"})
            assert app.visit().status_code == 200
            assert bucket.process is not None
            bucket.process.send_signal(signal.SIGSTOP)
            asks: list[tuple[str, str, object]] = [
                ("GET", "/versions/1", None),
                ("GET", "/versions/1/diff/2", None),
                ("GET", "/versions/1/download", None),
                ("POST", "/versions/1/restore", {}),
            ]
            with ThreadPoolExecutor(24) as pool:
                # More than the api has connections to the database.
                waiting = [pool.submit(ask, app, *asks[n % 4]) for n in range(24)]
                with httpx.Client(base_url=platform.api_url, trust_env=False, timeout=30) as client:
                    ready = client.get("/readyz")
                assert (ready.status_code, ready.json()["database"]) == (503, "ok")
                assert ready.json()["objects"] != "ok"
                assert not any(one.done() for one in waiting)
                # They all wait, and everybody else goes on.
                assert app.client.get("/v1/apps").status_code == 200
                assert app.client.patch(app.path, json={"meta": {"title": "new"}}).status_code == 200
                assert app.visit().text.endswith("two")
                bucket.process.send_signal(signal.SIGCONT)
                assert {one.result().status_code for one in waiting} <= {200, 503}
            assert app.client.get(f"{app.path}/versions/1").status_code == 200
        finally:
            platform.stop()


def ask(app: RunningApp, method: str, path: str, body: object) -> httpx.Response:
    with app.platform.client() as client:
        return client.request(method, app.path + path, json=body)
