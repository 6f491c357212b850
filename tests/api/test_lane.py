"""The lane: costly requests are carried out by a second process, and other requests do not wait for it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from easel.api.application import make_application, make_services
from easel.api.http.limits import Limiter
from easel.api.lane.client import Lane, RequestBrokenOffError
from easel.api.lane.messages import ASKED, BEGUN, READY
from easel.api.lane.server import serve
from easel.running.lane import TITLE
from easel.running.roles import open_store, open_vault
from easel.settings import Settings
from testbed.forking import forks
from testbed.running import METRICS_ABOVE, Platform, RunningApp, free_port
from tests.api.test_fairness import BLOCKED
from tests.repositories.test_connecting import HTTPS, connect
from tests.repositories.test_webhooks import KNOWN, send
from tests.repositories.test_webhooks import LARGE as LARGE_PUSH
from tests.system.cluster import answers
from tests.system.test_survival import offspring, title

LARGE = {"custom_html": "x" * 300_000}


class Task:
    """A lane's process that is a task of this process."""

    def __init__(self, app: Any, control: socket.socket) -> None:
        self.task = asyncio.create_task(serve(app, control.dup()))

    async def wait(self) -> int:
        await asyncio.wait([self.task])
        return 0

    def kill(self) -> None:
        self.task.cancel()


class Frozen:
    """A lane's process that stops as soon as it has begun a request."""

    def __init__(self) -> None:
        self.begun: list[socket.socket] = []
        self.killed = asyncio.Event()

    async def start(self, control: socket.socket) -> Frozen:
        self.control = control.dup()
        self.control.setblocking(False)
        self.control.send(READY)
        asyncio.get_running_loop().add_reader(self.control, self.begin)
        return self

    def begin(self) -> None:
        _, descriptors, _, _ = socket.recv_fds(self.control, 1, 1)
        if descriptors:
            self.begun.append(socket.socket(fileno=descriptors[0]))
            self.begun[0].send(BEGUN)
            asyncio.get_running_loop().remove_reader(self.control)

    async def wait(self) -> int:
        await self.killed.wait()
        return -signal.SIGKILL

    def kill(self) -> None:
        asyncio.get_running_loop().remove_reader(self.control)
        for one in (self.control, *self.begun):
            one.close()
        self.killed.set()


class Lanes:
    """Starts lanes with an application that sends each body back, unless it is told to hold the body."""

    def __init__(self) -> None:
        self.started: list[Task] = []
        self.held = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.app: ASGIApp = self.echo

    async def start(self, control: socket.socket) -> Task:
        self.started.append(Task(self.app, control))
        return self.started[-1]

    async def echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.held.set()
        await self.goes_on.wait()
        message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["raw_path"])]})
        await send({"type": "http.response.body", "body": message["body"]})


def scope(method: str) -> dict[str, Any]:
    return {
        "method": method,
        "scheme": "http",
        "path": "/v1/a b",
        "raw_path": b"/v1/a%20b",
        "query_string": b"",
        "headers": [(b"host", b"x")],
        "state": {"request_id": "req_1", "whose": "org_1"},
    }


async def opened(lane: Lane) -> None:
    lane.want()
    while not lane.is_open:
        await asyncio.sleep(0)


@pytest.fixture
async def lanes() -> Lanes:
    return Lanes()


async def test_a_request_and_its_answer_pass_through_whole(lanes: Lanes) -> None:
    lane = Lane(lanes.start)
    assert await lane.ask(scope("PATCH"), [b"x"], 1) is None
    await opened(lane)
    pieces = [bytes([number]) * 100_000 for number in range(40)]
    answered = await asyncio.gather(*(lane.ask(scope("PATCH"), pieces, 4_000_000) for _ in range(3)))
    for answer in answered:
        assert answer is not None
        assert (answer[0].status, answer[0].headers) == (200, [(b"x-path", b"/v1/a%20b")])
        assert answer[1] == b"".join(pieces)
    await lane.close()
    assert lanes.started[0].task.done()


async def test_an_unused_lane_ends_and_the_next_costly_request_starts_another(lanes: Lanes) -> None:
    lane = Lane(lanes.start, idle=0)
    while len(lanes.started) < 2:
        # This call does nothing while a lane runs or ends.
        lane.want()
        await asyncio.sleep(0)
    assert lanes.started[0].task.done()
    await lane.close()
    assert lanes.started[1].task.done()


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_a_request_whose_lane_process_ends_is_retried_only_if_it_is_safe_to_repeat(
    lanes: Lanes, method: str
) -> None:
    lane = Lane(lanes.start)
    await opened(lane)
    lanes.goes_on.clear()
    asking = asyncio.create_task(lane.ask(scope(method), [b"x"], 1))
    await lanes.held.wait()
    lanes.started[0].task.cancel()
    if method == "GET":
        assert await asking is None
    else:
        with pytest.raises(RequestBrokenOffError) as caught:
            await asking
        assert caught.value.status == 503
        assert caught.value.details["retryable"]
    await lane.close()


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_an_unresponsive_lane_is_killed_and_its_requests_end(method: str) -> None:
    frozen = Frozen()
    lane = Lane(frozen.start, silence=0.2)
    await opened(lane)
    asking = lane.ask(scope(method), [b"x"], 1)
    if method == "GET":
        assert await asking is None
    else:
        with pytest.raises(RequestBrokenOffError):
            await asking
    assert frozen.killed.is_set()
    assert not lane.is_open
    await lane.close()


async def test_a_lane_that_does_not_finish_a_request_is_killed(lanes: Lanes) -> None:
    lane = Lane(lanes.start, deadline=0.2)
    await opened(lane)
    lanes.goes_on.clear()
    with pytest.raises(RequestBrokenOffError):
        await lane.ask(scope("GET"), [b"x"], 1)
    await lanes.started[0].wait()
    await lane.close()


async def test_a_lane_that_answers_health_checks_continues(lanes: Lanes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        process = await lanes.start(theirs)
        loop = asyncio.get_running_loop()
        assert await loop.sock_recv(ours, 1) == READY
        for _ in range(3):
            ours.send(ASKED)
            assert await loop.sock_recv(ours, 1) == READY
    await process.wait()


async def test_an_aborted_request_also_ends_in_the_lane(lanes: Lanes) -> None:
    ended = asyncio.Event()

    async def waits(_scope: Scope, _receive: Receive, _send: Send) -> None:
        lanes.held.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    lanes.app = waits
    lane = Lane(lanes.start)
    await opened(lane)
    asking = asyncio.create_task(lane.ask(scope("PATCH"), [b"x"], 1))
    await lanes.held.wait()
    asking.cancel()
    await ended.wait()
    await lane.close()


@pytest.fixture
async def mine(platform: Platform, app: RunningApp) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=platform.api_url, headers=app.client.headers, timeout=60, trust_env=False
    ) as client:
        yield client


async def lane_of(api_metrics: str, mine: httpx.AsyncClient, another: httpx.AsyncClient, path: str) -> None:
    """Sends costly requests at the same time as another organisation's requests, until the api's lane answers them."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as private:
        before = answered_by_lane((await private.get(api_metrics)).text)
        while answered_by_lane((await private.get(api_metrics)).text) == before:
            assert (await another.get("/v1/keys")).status_code == 200
            assert (await mine.patch(path, json=LARGE)).status_code == 200


def answered_by_lane(metrics: str) -> float:
    return float(metrics.partition("\neasel_api_lane_answers_total ")[2].partition("\n")[0])


def process_of_lane(beside: int) -> int:
    """Returns the process of a lane among all processes that a process has started."""
    return next(one for one in offspring(beside) if title(one) == TITLE)


@pytest.fixture
async def lane(platform: Platform, app: RunningApp, mine: httpx.AsyncClient, another: httpx.AsyncClient) -> int:
    """Returns the process of the lane of the platform's api. The lane already accepts requests."""
    assert platform.process is not None
    await lane_of(f"http://127.0.0.1:{platform.api_port + METRICS_ABOVE}/metrics", mine, another, app.path)
    return process_of_lane(platform.process.pid)


async def test_ordinary_requests_are_answered_while_a_large_one_stands_still(
    lane: int, app: RunningApp, mine: httpx.AsyncClient, another: httpx.AsyncClient
) -> None:
    os.kill(lane, signal.SIGSTOP)
    try:
        change = asyncio.create_task(mine.patch(app.path, json=LARGE))
        for client in (another, mine) * 10:
            assert (await client.get("/v1/keys")).status_code == 200
        assert not change.done()
    finally:
        os.kill(lane, signal.SIGCONT)
    assert (await change).json()["custom_html"] == LARGE["custom_html"]


async def test_a_killed_lane_is_reported_and_the_next_request_is_carried_out(
    lane: int, platform: Platform, app: RunningApp, mine: httpx.AsyncClient
) -> None:
    async with (
        await psycopg.AsyncConnection.connect(platform.database_url) as holder,
        await psycopg.AsyncConnection.connect(platform.database_url, autocommit=True) as watcher,
    ):
        await holder.execute("select from app where id = %s for update", (app.app_id,))
        change = asyncio.create_task(mine.patch(app.path, json={"custom_html": "y" * 300_000}))
        while (await (await watcher.execute(BLOCKED)).fetchone()) in (None, (0,)):
            await asyncio.sleep(0)
        os.kill(lane, signal.SIGKILL)
        refused = await change
        await holder.rollback()
    told = refused.json()["error"]
    assert (refused.status_code, told["code"], told["details"]["retryable"]) == (503, "request_broken_off", True)
    assert refused.headers["retry-after"] == "1"
    changed = await mine.patch(app.path, json={"custom_html": "z" * 300_000})
    assert (changed.status_code, changed.json()["custom_html"][0]) == (200, "z")


async def test_a_lane_answers_like_its_api(
    lane: int, app: RunningApp, mine: httpx.AsyncClient, another: httpx.AsyncClient
) -> None:
    answers = [
        await mine.patch(app.path, json=LARGE | {"slug": 1}),
        await mine.patch(app.path, content=b"{" + b" " * 300_000),
        await another.patch(app.path, json=LARGE),
        await mine.post("/v1/apps", json=LARGE | {"slug": app.slug, "meta": {"title": "x", "description": "x"}}),
    ]
    codes = [answer.json()["error"]["code"] for answer in answers]
    assert codes == ["validation_error", "validation_error", "app_not_found", "slug_taken"]
    for answer in answers:
        assert len(answer.headers.get_list("x-request-id")) == 1
    assert lane


def test_large_webhooks_are_parsed_by_the_lane(lane: int, platform: Platform, app: RunningApp) -> None:
    connect(app, repo_url=HTTPS, branch="release", webhook_secret=KNOWN)
    before = answered_by_lane(platform.private("api", "/metrics").text)
    heard = send(app, LARGE_PUSH, secret=KNOWN)
    assert (heard.status_code, heard.json()["status"]) == (202, "ignored")
    refused = send(app, b"{" + b" " * 100_000, secret=KNOWN)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "webhook_body_invalid")
    assert send(app, LARGE_PUSH, secret="another secret, which is long").status_code == 401
    assert answered_by_lane(platform.private("api", "/metrics").text) == before + 2
    assert lane


async def test_the_api_counts_the_requests_that_its_lane_carries_out(
    platform: Platform, lanes: Lanes, app: RunningApp
) -> None:
    settings = Settings(data_dir=platform.data_dir)
    parts = settings, platform.database_url, open_store(settings), open_vault(settings)
    behind = replace(make_services(*parts, pool_size=2), limiter=Limiter(0))
    lanes.app = make_application(behind, is_lane=True)
    lane = Lane(lanes.start)
    services = replace(make_services(*parts, lane=lane), limiter=Limiter(9, lambda: 0.0))
    transport = httpx.ASGITransport(make_application(services))
    await opened(lane)
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=app.client.headers) as mine:
        assert (await mine.patch(app.path, json=LARGE)).status_code == 200
        # The body and the response of this request weigh more than two plain requests each.
        organisation = services.fairness.whose(platform.api_key)
        assert 5 < services.limiter.used(organisation) < 7
        assert (await mine.get(app.path)).status_code == 200
        assert (await mine.patch(app.path, json=LARGE)).status_code == 429
    await lane.close()
    for one in (services, behind):
        await one.polls.close()
        await one.database.close()


async def test_changes_of_clients_that_disconnected_while_waiting_are_not_made(
    lane: int, platform: Platform, app: RunningApp, mine: httpx.AsyncClient, another: httpx.AsyncClient
) -> None:
    before = changes(platform)
    body = json.dumps({"custom_html": "left" * 75_000})
    head = f"PATCH {app.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.api_key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    os.kill(lane, signal.SIGSTOP)
    try:
        # The costly requests of one organisation take turns, so the following requests wait for the end of this
        # request.
        first = asyncio.create_task(mine.patch(app.path, json=LARGE))
        for _ in range(10):
            assert (await another.get("/v1/keys")).status_code == 200
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", platform.api_port)) as connection:
                connection.sendall((head + body).encode())
        for _ in range(10):
            assert (await another.get("/v1/keys")).status_code == 200
    finally:
        os.kill(lane, signal.SIGCONT)
    assert (await first).status_code == 200
    while sum((ended := changes(platform) - before).values()) < 4:
        await asyncio.sleep(0)
    assert ended == {"200": 1, "499": 3}
    assert (await mine.get(app.path)).json()["custom_html"] == LARGE["custom_html"]


def changes(platform: Platform) -> Counter[str]:
    """Returns the number of ended changes of apps, by status."""
    found = re.findall(
        r'^easel_api_request_seconds_count\{method="PATCH",route="/v1/apps/{app_id}",status="(\d+)"\} (\d+)',
        platform.private("api", "/metrics").text,
        re.MULTILINE,
    )
    return Counter({status: int(count) for status, count in found})


async def test_an_api_that_runs_alone_has_a_lane_and_finishes_its_requests_when_it_stops(
    platform: Platform, app: RunningApp, another: httpx.AsyncClient
) -> None:
    port, metrics = free_port(), free_port()
    environment = {
        **os.environ,
        **platform.environment,
        "EASEL_API_PORT": str(port),
        "EASEL_API_METRICS_PORT": str(metrics),
    }
    address = f"http://127.0.0.1:{port}"
    api = forks().start("api", "--data-dir", str(platform.data_dir), env=environment)
    with ExitStack() as stack:
        stack.callback(api.kill)
        async with (
            httpx.AsyncClient(base_url=address, headers=app.client.headers, timeout=60, trust_env=False) as mine,
            httpx.AsyncClient(base_url=address, headers=another.headers, timeout=60, trust_env=False) as others,
            await psycopg.AsyncConnection.connect(platform.database_url) as holder,
            await psycopg.AsyncConnection.connect(platform.database_url, autocommit=True) as watcher,
        ):
            while not answers(port):
                assert api.poll() is None
                await asyncio.sleep(0.01)
            await lane_of(f"http://127.0.0.1:{metrics}/metrics", mine, others, app.path)
            lane = process_of_lane(api.pid)
            await holder.execute("select from app where id = %s for update", (app.app_id,))
            change = asyncio.create_task(mine.patch(app.path, json={"custom_html": "y" * 300_000}))
            while (await (await watcher.execute(BLOCKED)).fetchone()) in (None, (0,)):
                await asyncio.sleep(0)
            for process in (api.pid, lane):
                # A terminal or a service manager signals all processes in this way.
                os.kill(process, signal.SIGTERM)
            while answers(port):
                await asyncio.sleep(0.01)
            await holder.rollback()
            assert (await change).status_code == 200
        while api.poll() is None:
            await asyncio.sleep(0.01)
    while runs(lane):
        await asyncio.sleep(0.01)


def runs(process: int) -> bool:
    try:
        return title(process) == TITLE
    except OSError:
        return False
