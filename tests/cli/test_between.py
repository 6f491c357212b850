"""Balancers, gateways and proxies between the command and the server. Their responses are retried, or reported as
responses of such a server."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from easel.cli import client as client_module
from easel.cli.client import Client
from easel.cli.credentials import ServerAccess
from easel.cli.errors import ApiError, NotAnEaselServerError
from easel.cli.exit_codes import ExitCode
from easel.cli.output import Output
from easel.cli.shipping import upload
from easel.cli.shipping.errors import StoreRefusedError
from easel.errors import EaselError

APP = b'{"app_id": "app_1", "slug": "x", "url": "u", "meta": {"title": "t"}, "is_active": true, "version": 1}'
HTML = b"<html>Bad gateway</html>"
NOT_FOUND = b'{"success": false, "status": 404, "error": {"message": "gone", "type": "T", "code": "app_not_found"}}'

Scripted = tuple[int, bytes, dict[str, str]]


@contextmanager
def answering(*scripted: Scripted) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Yields the address of a server that sends these responses in turn, the last response for ever. Also yields its
    requests."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            asked.append((self.command, self.headers["Idempotency-Key"]))
            status, body, headers = scripted[min(len(asked), len(scripted)) - 1]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value.replace("PATH", self.path))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Returns the requested pauses. The tests do not wait for them."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


CALLS: dict[str, Callable[[Client], Any]] = {
    "get": lambda client: client.get_app("app_1"),
    "create": lambda client: client.create_app("x", "t"),
    "publish": lambda client: client.publish("app_1", "m"),
    "rollback": lambda client: client.rollback("app_1"),
}


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("call", CALLS)
def test_a_temporary_error_of_a_gateway_is_retried(waited: list[float], status: int, call: str) -> None:
    with answering((status, HTML, {}), (status, HTML, {}), (200, APP, {})) as (server, asked):
        with Client(ServerAccess(server, "sk_x")) as client:
            assert CALLS[call](client).app_id == "app_1"
        assert (len(asked), len(set(asked)), len(waited)) == (3, 1, 2)
        assert (asked[0][1] is None) is (call == "get")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_change_that_is_not_safe_to_repeat_is_not_repeated(waited: list[float], status: int) -> None:
    with answering((status, HTML, {})) as (server, asked):
        with (
            Client(ServerAccess(server, "sk_x")) as client,
            pytest.raises(NotAnEaselServerError, match="is not available"),
        ):
            client.update_app("app_1", {})
        assert (len(asked), waited) == (1, [])


def test_a_deletion_whose_response_was_lost_counts_as_done(waited: list[float]) -> None:
    with (
        answering((502, HTML, {}), (404, NOT_FOUND, {})) as (server, asked),
        Client(ServerAccess(server, "sk_x")) as client,
    ):
        client.delete_app("app_1")
        assert len(asked) == 2
    with (
        answering((404, NOT_FOUND, {})) as (server, _),
        Client(ServerAccess(server, "sk_x")) as client,
        pytest.raises(ApiError),
    ):
        client.delete_app("app_1")


@pytest.mark.parametrize("status", [429, 502, 503])
@pytest.mark.parametrize("date", [False, True])
def test_the_client_waits_as_long_as_retry_after_says(waited: list[float], status: int, date: bool) -> None:
    began = time.monotonic()
    after = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True) if date else "20"
    answers: list[Scripted] = [(status, HTML, {"Retry-After": after}), (200, APP, {})]
    with answering(*answers) as (server, _), Client(ServerAccess(server, "sk_x")) as client:
        client.get_app("app_1")
    # A date has whole seconds, and some time passes before it is read.
    assert 19 - (time.monotonic() - began) * date <= waited[0] <= 20


@pytest.mark.parametrize("after", ["3600", "soon", "-1", "9" * 400])
def test_a_retry_after_of_an_hour_is_not_awaited(waited: list[float], after: str) -> None:
    with (
        answering((503, HTML, {"Retry-After": after})) as (server, _),
        Client(ServerAccess(server, "sk_x")) as client,
        pytest.raises(NotAnEaselServerError, match="is not available"),
    ):
        client.get_app("app_1")
    assert sum(waited) < 10


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (
            (502, HTML, {}),
            ExitCode.UNAVAILABLE,
            "not available: the proxy in front of it responded with status 502. Try again",
        ),
        ((413, HTML, {}), ExitCode.UNAVAILABLE, "`client_max_body_size`"),
        ((407, HTML, {}), ExitCode.UNAVAILABLE, "requires a user name and a password"),
        (
            (301, b"", {"Location": "https://easel.example.comPATH"}),
            ExitCode.USAGE,
            "`--server https://easel.example.com`",
        ),
        ((308, b"", {"Location": "https://x.example/basePATH"}), ExitCode.USAGE, "`--server https://x.example/base`"),
        (
            (302, b"", {"Location": "https://sso.example/login?to=PATH"}),
            ExitCode.UNAVAILABLE,
            "https://sso.example/login",
        ),
        ((302, b"", {"Location": "/login"}), ExitCode.UNAVAILABLE, "sign-in"),
        ((301, b"", {}), ExitCode.UNAVAILABLE, "not like an Easel server"),
        ((400, b"The plain HTTP request was sent to HTTPS port", {}), ExitCode.USAGE, "`--server https://127.0.0.1:"),
        ((200, HTML, {}), ExitCode.UNAVAILABLE, "not like an Easel server"),
        ((404, HTML, {}), ExitCode.UNAVAILABLE, "not like an Easel server"),
    ],
)
@pytest.mark.parametrize("call", ["get", "create"])
def test_a_response_of_a_proxy_is_reported_as_such(
    waited: list[float], answer: Scripted, code: ExitCode, said: str, call: str
) -> None:
    with (
        answering(answer) as (server, _),
        Client(ServerAccess(server, "sk_x")) as client,
        pytest.raises(NotAnEaselServerError) as refused,
    ):
        CALLS[call](client)
    assert (refused.value.exit_code, said in refused.value.message) == (code, True), refused.value.message


PLAIN = "EASEL_API_URL to the https address"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((413, HTML, {}), "too large (status 413). Raise the proxy's limit"),
        ((301, b"", {"Location": "https://easel.example.comPATH"}), PLAIN),
        ((400, b"<center>The plain HTTP request was sent to HTTPS port</center>", {}), PLAIN),
        ((403, HTML, {}), "it responded with status 403"),
    ],
)
def test_an_upload_that_a_proxy_refuses_is_reported_with_the_setting(answer: Scripted, said: str) -> None:
    with answering(answer) as (server, asked), pytest.raises(StoreRefusedError) as refused:
        upload.upload(f"{server}/k", io.BytesIO(b"zip"), 3, Output(as_json=False))
    assert (said in refused.value.message, len(asked)) == (True, 1), refused.value.message


def test_an_upload_is_retried_when_the_server_says(waited: list[float]) -> None:
    with answering((503, HTML, {"Retry-After": "7"}), (502, HTML, {}), (200, b"", {})) as (server, asked):
        upload.upload(f"{server}/k", io.BytesIO(b"zip"), 3, Output(as_json=False))
    assert (len(asked), waited) == (3, [7.0, upload.PAUSES[1]])


def test_a_proxy_that_does_not_answer_is_not_taken_for_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setattr(client_module, "_PAUSES", (0.0,))
    with answering((407, HTML, {})) as (proxy, _):
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", proxy)
            with (
                Client(ServerAccess(f"{scheme}://easel.example.com", "sk_x")) as client,
                pytest.raises(EaselError) as refused,
            ):
                client.get_app("app_1")
            assert "requires a user name and a password" in refused.value.message
    monkeypatch.setenv("http_proxy", proxy)
    with Client(ServerAccess("http://easel.example.com", "sk_x")) as client, pytest.raises(EaselError) as refused:
        client.get_app("app_1")
    assert "the proxy in the environment's variables: the connection was refused" in refused.value.message
