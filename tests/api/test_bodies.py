"""Bodies of requests to the api: their size, their speed, and their senders."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from easel.api.http import bodies
from easel.api.http.bodies import (
    MOST_VALUES,
    BodyRule,
    BoundedRequest,
    RequestTimeoutError,
    RequestTooLargeError,
    timely,
)
from testbed.running import Platform, RunningApp

JSON = {"Content-Type": "application/json"}


class SlowTime:
    """A clock on which a second passes for each piece."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        return self._seconds

    def passing(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._seconds += 1
            yield piece


def test_a_request_without_a_valid_key_is_refused_before_its_large_body_is_read(platform: Platform) -> None:
    with socket.create_connection(("127.0.0.1", platform.api_port), timeout=60) as connection:
        # The body is never sent, so the response must come without it.
        head = (
            f"POST /v1/apps HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {3 << 20}\r\n\r\n"
        )
        connection.sendall(head.encode())
        answer = b""
        while b"authentication_required" not in answer and (piece := connection.recv(65536)):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"authentication_required" in answer


def test_clients_that_leave_in_the_middle_of_a_body_fill_no_log(platform: Platform) -> None:
    head = b"POST /v1/apps HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", platform.api_port), timeout=60) as connection:
            connection.sendall(head)
    counted = 'easel_api_request_seconds_count{method="POST",route="/v1/apps",status="499"} 5.0'
    while counted not in (told := platform.private("api", "/metrics").text):
        assert 'status="499"} 6' not in told
    assert "ClientDisconnect" not in platform.log.read_text()


def test_only_a_deploy_may_be_as_large_as_its_sources(app: RunningApp) -> None:
    filler = {"message": "x", "bundle_s3_key": "k", "source_files": {"a.js": "x" * (5 << 20)}}
    large = json.dumps({"slug": "x" * (5 << 20)})
    refused = app.client.post("/v1/apps", content=large, headers=JSON)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "request_too_large")
    taken = app.client.post(f"{app.path}/deploy", json=filler)
    assert taken.json()["error"]["code"] == "bundle_not_found"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: b'{"message": [' + b"[]," * (2 << 20) + b"[]]}", id="lists"),
        pytest.param(
            lambda: b'{"source_files": {' + b",".join(b'"%d":""' % n for n in range(900_000)) + b"}}", id="many"
        ),
        pytest.param(lambda: b'{"source_files": ["' + b"x" * (5 << 20) + b'"]}', id="no map"),
        pytest.param(lambda: b'{"source_files": {"a": "' + b"\xff" * (5 << 20) + b'"}}', id="no text"),
        pytest.param(lambda: b'{"source_files": {"a": "' + b"x" * (5 << 20), id="no end"),
    ],
)
def test_a_large_body_that_is_no_map_of_texts_is_refused(app: RunningApp, make: Callable[[], bytes]) -> None:
    answer = app.client.post(f"{app.path}/deploy", content=make(), headers=JSON)
    assert answer.status_code in (400, 422)
    assert answer.json()["success"] is False


def test_requests_without_their_bodies_block_no_other_requests(platform: Platform, app: RunningApp) -> None:
    """There are more of these bodies than connections to the database."""
    with ExitStack() as stack:
        for _ in range(24):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", platform.api_port)))
            head = f"POST /v1/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.api_key}\r\n"
            head += f"Idempotency-Key: {secrets.token_hex(8)}\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert app.client.get(app.path).status_code == 200


def request_with(pieces: Iterator[bytes], length: int | None = None) -> BoundedRequest:
    headers = [(b"content-length", b"%d" % length)] if length is not None else []

    async def receive() -> dict[str, object]:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return BoundedRequest({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_a_body_that_stops_arriving_times_out() -> None:
    async def never() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(RequestTimeoutError):
        async for _ in timely(Request({"type": "http", "headers": []}, never), silence=0.01):
            pass


@pytest.mark.parametrize("is_wanted", [False, True])
async def test_a_slow_body_gives_its_turn_to_waiting_requests(is_wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate of 32 KiB a second is fast enough for a mebibyte if no other body waits."""
    monkeypatch.setattr(bodies, "time", slow := SlowTime())
    request = request_with(slow.passing(iter([bytes(32 * 1024)] * 32)))
    request.is_turn_wanted = lambda: is_wanted
    if is_wanted:
        with pytest.raises(RequestTimeoutError):
            await request.take()
    else:
        await request.take()
        assert len(await request.body()) == 1024 * 1024


@given(st.lists(st.binary(max_size=2000), max_size=20), st.integers(0, 20_000))
async def test_a_body_is_read_completely_or_refused(pieces: list[bytes], largest: int) -> None:
    body = b"".join(pieces)
    request = request_with(iter(pieces))
    request.rule = BodyRule(largest)
    if len(body) > largest:
        with pytest.raises(RequestTooLargeError):
            await request.take()
    else:
        await request.take()
        assert await request.body() == body


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('"' + ',[{\\\\\\"' * 20_000 + '"', 1),
        ('["\\\\", ' + "1, " * 9_000 + '"\\\\"]', 9_003),
        (json.dumps({f"{n}": [] for n in range(9_000)}), 9_001),
        ("[" + '["[]"], ' * 4_999 + "1]", 10_000),
        ("[" + "[], " * 9_999 + "1]", 10_001),
        (json.dumps({f"{n}": "," for n in range(10_001)}), 10_002),
        ("[" * 50_000, 50_000),
        ('["\\\\",' + "1," * 10_000 + "1]", 10_002),
    ],
)
async def test_a_body_with_too_many_values_is_refused_before_it_is_parsed(text: str, values: int) -> None:
    request = request_with(iter([text.encode()]))
    await request.take()
    if values > MOST_VALUES:
        with pytest.raises(json.JSONDecodeError, match="more than 10000 values"):
            await request.json()
    else:
        assert await request.json() == json.loads(text)


async def test_a_number_that_takes_long_to_read_is_refused() -> None:
    for digits, fits in ((1000, True), (1001, False)):
        request = request_with(iter([b'{"a": ' + b"7" * digits + b"}"]))
        await request.take()
        if fits:
            assert await request.json() == {"a": int("7" * 1000)}
        else:
            with pytest.raises(json.JSONDecodeError):
                await request.json()


def test_only_a_few_of_many_wrong_values_are_reported(app: RunningApp) -> None:
    for fields in (
        {"build_config": {"env_vars": {f"{n}": n for n in range(900)}, "secrets": {f"{n}": n for n in range(900)}}},
        {"sections": list(range(900)), "stats": list(range(900)), "tabs": list(range(90))},
        {"build_config": {"env_vars": {f"{n}": n for n in range(9_000)}}},
    ):
        answer = app.client.patch(app.path, json=fields)
        assert answer.status_code == 422
        assert len(answer.json()["detail"]) <= 3
    assert answer.json()["detail"][0]["type"] == "too_long"


def test_an_insufficient_key_is_refused_before_a_large_body_is_read(platform: Platform, app: RunningApp) -> None:
    made = app.client.post("/v1/keys", json={"name": "reader", "scope": "read"}).json()["key"]
    wrong = json.dumps({"source_files": {f"{n}": n for n in range(9_000)}})
    with platform.client(made) as client:
        answer = client.post(f"{app.path}/deploy", content=wrong, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_scope")


async def test_a_large_body_is_read_as_python_reads_it() -> None:
    rng = random.Random(1)
    texts = {f"src/{n}.js": 'é"\\\n' * rng.randrange(60_000) for n in range(40)}
    given_ = {"message": "m", "extra": [1, {"a": None}], "source_files": texts}
    body = json.dumps(given_, ensure_ascii=False).encode()
    request = request_with(iter([body]))
    request.rule = BodyRule(1 << 26, "source_files")
    await request.take()
    assert len(body) > 4 << 20
    assert await request.json() == given_
