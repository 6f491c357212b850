"""Connections to the api: malformed requests are refused in the envelope, and no client can fill the api's memory."""

from __future__ import annotations

import json
import re
import socket
from contextlib import ExitStack
from functools import partial

import pytest

from testbed.running import Platform


def ask(platform: Platform, data: bytes) -> tuple[bytes, dict[str, object]]:
    """Returns the status line and body of the response before the connection ends."""
    answer = b""
    with socket.create_connection(("127.0.0.1", platform.api_port), timeout=60) as connection:
        connection.sendall(data)
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head
    assert b"x-request-id: req_" in head
    return head.split(b"\r\n")[0], json.loads(body)


@pytest.mark.parametrize(
    "data",
    [
        b"FOO /v1/apps HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET http://x/healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"POST /v1/apps HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_bytes_that_are_no_request_are_refused_in_the_envelope(platform: Platform, data: bytes) -> None:
    line, body = ask(platform, data)
    assert line == b"HTTP/1.1 400 Bad Request"
    assert (body["success"], body["error"]["code"]) == (False, "request_unreadable")  # type: ignore[index]


def test_http_1_0_needs_no_host(platform: Platform) -> None:
    with socket.create_connection(("127.0.0.1", platform.api_port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_head_without_end_is_refused_in_the_envelope(platform: Platform) -> None:
    line, body = ask(platform, b"GET /v1/apps HTTP/1.1\r\nHost: x\r\n" + b"X-Many: 1\r\n" * 7000)
    assert line.startswith(b"HTTP/1.1 431 ")
    assert body["error"]["code"] == "request_head_too_large"  # type: ignore[index]
    line, _ = ask(platform, b"GET /v1/apps HTTP/1.1\r\nHost: x\r\nCookie: " + b"c" * 200_000 + b"\r\n\r\n")
    assert line.startswith(b"HTTP/1.1 431 ")


def test_requests_of_a_client_that_does_not_read_are_not_read(platform: Platform) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", platform.api_port))
        connection.settimeout(2)
        with pytest.raises(TimeoutError):
            connection.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000_000)
    with platform.client() as client:
        assert client.get("/v1/apps").status_code == 200


def test_each_of_hundreds_of_simultaneous_clients_gets_its_own_responses(platform: Platform) -> None:
    """The clients' requests begin a few at a time, even if a request arrives with the end of another or in pieces."""
    with ExitStack() as stack:
        address = ("127.0.0.1", platform.api_port)
        clients = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(300)]
        for number, client in enumerate(clients):
            body = b'{"number": %d}' % number
            first = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            second = b"POST /v1/apps HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            third = b"GET /none/%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % number
            sent = first + second + body + third
            middle = number * len(sent) // len(clients)
            client.sendall(sent[:middle])
            client.sendall(sent[middle:])
        for number, client in enumerate(clients):
            answers = b"".join(iter(partial(client.recv, 65536), b""))
            assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"401", b"404"]
            assert b"/none/%d" % number in answers
