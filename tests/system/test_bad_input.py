"""Mistakes of operators and failing parts under a running Easel. There is a clear message at once, nothing is half
done, and no restart is needed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from easel.storage.errors import StoreUnavailableError
from easel.storage.stores import open_objects
from testbed.running import RunningApp, zip_of
from testbed.waiting import PATIENCE
from tests.system.conftest import Shared
from tests.system.test_edges import restore
from tests.system.test_machines import on, page, seconds_until


@pytest.fixture
def app(shared: Shared) -> RunningApp:
    """Returns an app with two versions, the second of which is live."""
    shared.cluster.look_after()
    made = RunningApp.create(shared.cluster.machines[0])
    for number in (1, 2):
        assert made.deploy(page(number))["status"] == "complete"
    for machine in shared.cluster.machines:
        seconds_until(on(machine, made), 2)
    return made


@contextmanager
def read_only(shared: Shared) -> Iterator[None]:
    """Makes the database refuse changes during the block, like a database that is about to become a replica."""
    with psycopg.connect(shared.direct_url, autocommit=True) as connection:
        # This connection itself can still change the setting back.
        connection.execute("set default_transaction_read_only = off")
        connection.execute("alter system set default_transaction_read_only = on")
        connection.execute("select pg_reload_conf()")
        try:
            yield
        finally:
            connection.execute("alter system reset default_transaction_read_only")
            connection.execute("select pg_reload_conf()")


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def moves(shared: Shared, app: RunningApp) -> list[tuple[Any, ...]]:
    """Returns production's moves in the audit: the version before and after each move."""
    with psycopg.connect(shared.direct_url, autocommit=True) as connection:
        query = (
            "select from_version, to_version from audit where app_id = %s and environment = 'production' order by id"
        )
        return connection.execute(query, (app.app_id,)).fetchall()


def eventually(app: RunningApp, method: str, path: str, seconds: float = PATIENCE, **request: Any) -> httpx.Response:
    """Returns the first response that is not a 503."""
    deadline = time.monotonic() + seconds
    while (answer := app.client.request(method, path, **request)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    return answer


def test_a_read_only_database_is_reported_and_everything_continues_afterwards(shared: Shared, app: RunningApp) -> None:
    key = app.upload(zip_of(page(3)))
    with read_only(shared):
        deadline = time.monotonic() + 60
        while (answer := app.client.post(f"{app.path}/versions/1/restore", json={})).status_code == 200:
            assert time.monotonic() < deadline, "the database still takes changes"
        assert error_of(answer) == (503, "database_read_only")
        assert answer.headers["retry-after"]
        order = {"message": "x", "bundle_s3_key": key}
        assert error_of(app.client.post(f"{app.path}/deploy", json=order)) == (503, "database_read_only")
        # Operations without changes continue, and so do visits.
        assert app.client.get(app.path).status_code == 200
        live = app.visit().headers["x-easel-version"]
        ready = app.platform.private("api", "/readyz")
        assert (ready.status_code, ready.json()["database"]) == (503, "read-only")
    assert eventually(app, "POST", f"{app.path}/versions/2/restore", json={}).status_code == 200
    assert {app.visit().headers["x-easel-version"], live} <= {"1", "2"}
    assert app.wait(app.order(key))["version"] == 3
    # The other machine's worker may have run the deploy.
    seconds_until(app, 3)


def test_a_database_that_is_lost_during_a_move_has_moved_nothing(shared: Shared, app: RunningApp) -> None:
    before = moves(shared, app)
    headers = {"Idempotency-Key": secrets.token_hex(12)}
    path = f"{app.path}/versions/1/restore"
    with (
        psycopg.connect(shared.direct_url, autocommit=True) as connection,
        psycopg.connect(shared.direct_url) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("select from app where id = %s for update", (app.app_id,))
        asked: Future[httpx.Response] = pool.submit(app.client.post, path, json={}, headers=headers)
        ended = 0
        deadline = time.monotonic() + 60
        while not ended:
            assert time.monotonic() < deadline, "the move never waited for the app's row"
            ended = connection.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where wait_event_type = 'Lock' and query like '%%easel_move_pointer%%'"
            ).fetchone()[0]  # type: ignore[index]
        assert error_of(asked.result()) == (503, "service_unavailable")
    assert moves(shared, app) == before
    assert app.visit().headers["x-easel-version"] == "2"
    assert eventually(app, "POST", path, json={}, headers=headers).status_code == 200
    assert moves(shared, app) == [*before, (2, 1)]
    assert app.visit().headers["x-easel-version"] == "1"


def test_a_move_with_a_lost_commit_response_is_made_once_despite_retries(shared: Shared, app: RunningApp) -> None:
    for number in (1, 2) * 15:
        before = moves(shared, app)
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        path = f"{app.path}/versions/{number}/restore"
        shared.database.loses_commits = 1
        try:
            answer = app.client.post(path, json={}, headers=headers)
        finally:
            shared.database.mend()
        # The lost commit may be a worker's commit. The request is then repeated.
        if answer.status_code != 200:
            break
    assert error_of(answer) == (503, "service_unavailable")
    again = eventually(app, "POST", path, json={}, headers=headers)
    assert (again.status_code, again.headers.get("idempotency-replayed")) == (200, "true")
    assert moves(shared, app) == [*before, (3 - number, number)]
    for machine in shared.cluster.machines:
        seconds_until(on(machine, app), number)


def test_the_error_of_a_refusing_store_is_quoted_and_a_deploy_waits_for_it(shared: Shared, app: RunningApp) -> None:
    key = app.upload(zip_of(page(3)))
    assert app.visit().status_code == 200
    shared.bucket.refuse()
    try:
        answer = app.client.get(f"{app.path}/versions/1")
        assert error_of(answer) == (503, "store_unavailable")
        assert "reduce your request rate" in answer.json()["error"]["message"]
        assert app.visit().status_code == 200
    finally:
        shared.bucket.mend()
    assert app.client.get(f"{app.path}/versions/1").status_code == 200
    deploy_id = app.order(key)
    assert app.wait(deploy_id)["version"] == 3


async def test_an_interrupted_read_returns_nothing_and_leaves_nothing(
    shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = shared.cluster.machines[0].environment
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    objects = open_objects(environment["EASEL_OBJECTS_URL"], tmp_path, tmp_path / "scratch")
    data = secrets.token_bytes(3_000_000)
    await objects.put("tests/whole", data)
    shared.bucket.truncates = True
    try:
        for ask in (objects.get("tests/whole"), objects.get_range("tests/whole", 10, 2_000_000)):
            with pytest.raises(StoreUnavailableError):
                await ask
        with pytest.raises(StoreUnavailableError):
            async with objects.pin("tests/whole"):
                pass
    finally:
        shared.bucket.mend()
    assert list((tmp_path / "scratch").iterdir()) == []
    async with objects.pin("tests/whole") as pinned:
        assert pinned.path.read_bytes() == data


def test_a_truncated_response_of_the_store_is_never_taken_for_a_complete_response(
    shared: Shared, app: RunningApp
) -> None:
    files: dict[str, str | bytes] = {**page(3), "large.bin": secrets.token_bytes(300_000)}
    key = app.upload(zip_of(files))
    there = on(shared.cluster.machines[1], app)
    shared.bucket.truncates = True
    try:
        deploy_id = app.order(key)
        # Nobody has requested the first version at this edge yet, but the edge may have fetched it when it became live.
        seen = there.platform.visit(f"v1-{app.slug}")
        assert seen.status_code == 503 or "<title>page 1</title>" in seen.text
        assert app.status(deploy_id)["status"] in ("queued", "building")
    finally:
        shared.bucket.mend()
    assert there.platform.visit(f"v1-{app.slug}").text.startswith(page(1)["index.html"][:10])
    assert app.wait(deploy_id)["version"] == 3
    seconds_until(there, 3)
    assert there.visit("/large.bin").content == files["large.bin"]
    assert app.client.get(f"{app.path}/versions/3").status_code == 200
    restore(app, 2)
    restore(app, 3)
