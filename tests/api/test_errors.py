"""Every error, from every layer, has the contract's envelope."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from easel.api.http.errors import add_error_handlers
from testbed.running import Platform
from tests.world import World


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/v1/apps", 405),
        ("GET", "/v1/apps/app_x/nowhere", 404),
        ("POST", "/v1/apps", 422),
        ("GET", "/v1/apps?limit=0", 422),
        ("GET", "/v1/apps/app_x", 404),
        ("PUT", "/_objects/x", 403),
        ("GET", "/_objects/x?X-Easel-Expires=a", 422),
    ],
)
def test_errors_of_every_layer_are_envelopes(platform: Platform, method: str, path: str, status: int) -> None:
    with platform.client() as client:
        answer = client.request(method, path)
    body = answer.json()
    assert (answer.status_code, body["status"], body["success"]) == (status, status, False)
    assert {"message", "type", "code"} <= body["error"].keys()
    assert answer.headers["x-request-id"].startswith("req_")
    if status == 422:
        assert body["detail"] == body["error"]["details"]["validation_errors"]


def test_a_body_that_is_no_json_is_refused_in_the_envelope(platform: Platform) -> None:
    with platform.client() as client:
        for data in (b"{", b"\xff\xfe", b'{"slug": "\\ud800", "meta": {"title": "x"}}', b"[" * 100_000):
            answer = client.post("/v1/apps", content=data, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 422)
            assert answer.json()["success"] is False


def test_a_body_that_is_too_large_is_refused_unread(platform: Platform) -> None:
    with socket.create_connection(("127.0.0.1", platform.api_port)) as connection:
        head = f"POST /v1/apps HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.api_key}\r\n"
        connection.sendall(head.encode() + b"Content-Length: 9999999999\r\n\r\n")
        answer = b""
        while b"request_too_large" not in answer and (piece := connection.recv(65536)):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_health_and_readiness_answer_without_a_key_and_say_more_on_the_private_port(platform: Platform) -> None:
    with httpx.Client(trust_env=False, timeout=60, base_url=platform.api_url) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ok"}
        assert client.get("/metrics").status_code == 404
        assert client.get("/openapi.json").json()["info"]["version"] == "0.82"
        assert client.get("/docs").status_code == 200
    ready = platform.private("api", "/readyz").json()
    assert ready == {"status": "ok", "database": "ok", "queue": "ok", "objects": "ok", "disk": "ok"}
    assert "easel_api_request_seconds" in platform.private("api", "/metrics").text


@pytest.mark.parametrize("last", ["sql", "session", "commit"])
def test_a_transaction_that_the_database_has_ended_since_it_was_idle_is_worth_another_try(
    world: World, last: str
) -> None:
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/")
    async def idle() -> None:
        async with world.database.transaction() as work:
            ((process,),) = await work.sql("select pg_backend_pid()", {})
            await work.sql("set local idle_in_transaction_session_timeout = 50", {})
            alive = "select 1 from pg_stat_activity where pid = %(pid)s"
            while await world.database.statement(alive, {"pid": process}):
                await asyncio.sleep(0.01)
            if last == "sql":
                await work.sql("select 1", {})
            elif last == "session":
                await work.session.execute(text("select 1"))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.get("/")

    answer = world.do(ask())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
    assert answer.headers["retry-after"] == "1"


def test_the_root_of_the_api_redirects_a_browser_to_the_documentation(platform: Platform) -> None:
    with platform.client() as client:
        answer = client.get("/", follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/docs")


def test_the_details_of_an_error_contain_facts_and_no_parts_of_its_message(platform: Platform) -> None:
    with platform.client() as client:
        short = client.post("/v1/apps", json={"slug": "a--b", "meta": {"title": "x"}}).json()["error"]
        unsigned = client.put("/_objects/x", content=b"x").json()["error"]
    assert (short["details"], "two hyphens" in short["message"]) == ({"slug": "a--b"}, True)
    assert ("details" in unsigned, "signature" in unsigned["message"]) == (False, True)
