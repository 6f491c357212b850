"""The edge's promises on a connection, on both paths."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from easel.connections.guarded import GuardedProtocol
from testbed.waiting import at_some_pace, until
from tests.edge.running import App, RunningEdge, request, unread

Make = Callable[..., App]
BIG = bytes(range(256)) * 4 * 4096


@pytest.fixture
def made(edge: RunningEdge, app: Make) -> App:
    """Returns an app whose `/fast.txt` is served from memory."""
    one = app({"index.html": "<head></head>home", "fast.txt": "quick", "big.bin": BIG})
    edge.get(one.host, "/fast.txt")
    return one


def test_pipelined_requests_are_answered_in_order_on_the_fast_and_the_slow_path(edge: RunningEdge, made: App) -> None:
    targets = ["/fast.txt", "/api/x", "/fast.txt", "/big.bin", "/fast.txt", "/fast.txt", "/none.js", "/big.bin"] * 3
    expected = {"/fast.txt": b"quick", "/big.bin": BIG}
    with edge.connect() as wire:
        wire.send(b"".join(request(made.host, target) for target in targets))
        for target in targets:
            answer = wire.reply()
            assert answer.status == (200 if target in expected else 404)
            assert answer.body == expected.get(target, answer.body)


def test_requests_that_arrive_byte_by_byte_are_answered(edge: RunningEdge, made: App) -> None:
    data = request(made.host, "/fast.txt", Accept="*/*") * 2 + request(made.host, "/api/x")
    with edge.connect() as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            wire.send(data[at : at + 1])
        assert [wire.reply().status for _ in range(3)] == [200, 200, 404]


def test_connection_close_is_honoured_on_every_way(edge: RunningEdge, made: App) -> None:
    for target in ("/fast.txt", "/big.bin", "/api/x"):
        with edge.connect() as wire:
            answer = wire.ask(made.host, target, Connection="close")
            assert answer["connection"] == "close"
            assert wire.rest() == b""


def test_requests_after_a_closing_request_are_not_answered(edge: RunningEdge, made: App) -> None:
    with edge.connect() as wire:
        wire.send(request(made.host, "/fast.txt", Connection="close") + request(made.host, "/fast.txt") * 3)
        assert wire.reply().status == 200
        assert wire.rest() == b""


def test_http_1_0_is_answered_and_closed(edge: RunningEdge, made: App) -> None:
    with edge.connect() as wire:
        wire.send(f"GET /fast.txt HTTP/1.0\r\nHost: {made.host}\r\n\r\n".encode())
        assert wire.reply().body == b"quick"
        assert wire.rest() == b""
    for keep in ("keep-alive", "Keep-Alive"):
        with edge.connect() as wire:
            wire.send(f"GET /fast.txt HTTP/1.0\r\nHost: {made.host}\r\nConnection: {keep}\r\n\r\n".encode() * 2)
            assert wire.reply()["connection"] == "close"
            assert wire.rest() == b""


def test_the_same_bytes_give_the_same_result_however_they_are_split(edge: RunningEdge, made: App) -> None:
    one = request(made.host, "/fast.txt", Accept="*/*")
    body = f"POST / HTTP/1.1\r\nHost: {made.host}\r\nContent-Length: {len(one)}\r\n\r\n".encode()
    with edge.connect() as wire:
        for _ in range(3):
            wire.send(one)
            assert wire.reply().body == b"quick"
        # The same bytes are no request in a body, or as the second half of a head.
        wire.send(body)
        assert wire.reply().status == 405
        wire.send(one)
        wire.send(one)
        assert wire.reply().body == b"quick"
        wire.send(b"GET /none.js HTTP/1.1\r\nX: ")
        wire.send(one)
        assert wire.reply().status in (400, 404)
        wire.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            wire.rest()


def test_a_client_that_has_closed_its_sending_side_still_gets_all_its_answers(edge: RunningEdge, made: App) -> None:
    targets = ["/fast.txt", "/big.bin", "/api/x", "/fast.txt"]
    with edge.connect() as wire:
        wire.send(b"".join(request(made.host, target) for target in targets))
        wire.socket.shutdown(socket.SHUT_WR)
        assert [wire.reply().status for _ in targets] == [200, 200, 404, 200]
        assert wire.rest() == b""
    with edge.connect() as wire:
        wire.send(request(made.host, "/fast.txt"))
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.reply().body == b"quick"
        assert wire.rest() == b""


def test_a_body_of_a_get_is_skipped(edge: RunningEdge, made: App) -> None:
    with edge.connect() as wire:
        body = b"GET /evil HTTP/1.1\r\n\r\n"
        head = f"GET /fast.txt HTTP/1.1\r\nHost: {made.host}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        chunked = f"GET /fast.txt HTTP/1.1\r\nHost: {made.host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        wire.send(head + body + chunked + b"5\r\nabcde\r\n0\r\nTrailer: x\r\n\r\n" + request(made.host, "/api/x"))
        assert [wire.reply().status for _ in range(3)] == [200, 200, 404]


def test_an_upload_to_a_file_is_refused_without_disturbing_the_connection(edge: RunningEdge, made: App) -> None:
    with edge.connect() as wire:
        wire.send(f"POST / HTTP/1.1\r\nHost: {made.host}\r\nContent-Length: 3000000\r\n\r\n".encode())
        wire.send(b"0" * 3_000_000 + request(made.host, "/fast.txt"))
        assert wire.reply().status == 405
        assert wire.reply().body == b"quick"


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /fast.txt HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\r\n\r\nnonsense\r\n\r\n",
    ],
)
def test_a_malformed_request_is_refused_after_the_pending_responses(edge: RunningEdge, made: App, junk: bytes) -> None:
    with edge.connect() as wire:
        wire.send(junk)
        answer = wire.reply()
        assert (answer.status, answer["connection"]) == (400, "close")
        assert answer["x-request-id"]
        assert wire.rest() == b""
    with edge.connect() as wire:
        wire.send(request(made.host, "/fast.txt") + request(made.host, "/big.bin") + junk)
        assert wire.reply().body == b"quick"
        assert wire.reply().body == BIG
        left = wire.rest()
        assert left == b"" or left.startswith(b"HTTP/1.1 400 ")


def test_a_head_without_end_is_refused_before_it_fills_the_memory(edge: RunningEdge, made: App) -> None:
    for begin in (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"GET /"):
        with edge.connect() as wire:
            wire.send(begin)
            with pytest.raises((ConnectionError, TimeoutError)):
                wire.send(b"a" * 65536 * 400)
    with edge.connect() as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        refused = b""
        wire.socket.settimeout(0.2)
        for _ in range(100):
            try:
                wire.send(b"X-Many: 1\r\n" * 400)
                refused = wire.socket.recv(12)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            break
        assert refused in (b"", b"HTTP/1.1 431")
    assert edge.get(made.host, "/fast.txt").status == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + b"X-Many: 1\r\n" * 201 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: " + b"x" * 2000 + b"\r\n\r\n", 431),
        (b"GET http://" + b"x" * 2000 + b"/ HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"0" * 5000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /" + b"%" * 4_097 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ],
)
def test_a_head_with_too_many_lines_is_refused(edge: RunningEdge, made: App, head: bytes, status: int) -> None:
    with edge.connect() as wire:
        wire.send(request(made.host, "/fast.txt") + head + request(made.host, "/fast.txt"))
        assert wire.reply().status == 200
        assert wire.reply().status == status
        assert wire.rest() == b""


def test_a_header_that_is_too_long_is_ignored_if_http_allows_it(edge: RunningEdge, made: App) -> None:
    etag = edge.get(made.host, "/fast.txt")["etag"]
    since = edge.get(made.host, "/fast.txt")["last-modified"]
    many = f"{etag}, " * 200 + etag
    assert edge.get(made.host, "/fast.txt", Range="bytes=1-" + " " * 60_000 + "x").body == b"quick"
    assert edge.get(made.host, "/fast.txt", Range="bytes=1-2", If_Range=etag).status == 206
    assert edge.get(made.host, "/fast.txt", Range="bytes=1-2", If_Range=f'"{"x" * 200}"').status == 200
    assert edge.get(made.host, "/fast.txt", If_None_Match=many, If_Modified_Since=since).status == 200
    assert edge.get(made.host, "/fast.txt", Accept_Encoding="br," * 1000).get("content-encoding") is None
    assert edge.get(made.host, "/", Accept="x/y, " * 2000 + "text/html").status == 200
    with edge.connect() as wire:
        lines = "".join(f"If-None-Match: {etag}\r\n" for _ in range(150))
        wire.send(f"GET /fast.txt HTTP/1.1\r\nHost: {made.host}\r\n{lines}\r\n".encode())
        assert wire.reply().status == 200


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("size", [1, 1000, 4096, 65536])
def test_cookies_that_another_app_set_keep_nobody_from_an_app(
    edge: RunningEdge, made: App, size: int, apart: bool
) -> None:
    cookies = [f"c{n}=" + "x" * 3800 for n in range(30)]
    # HTTP/2 may split cookies into lines (RFC 9113 §8.2.3), and not every proxy joins them.
    lines = "".join(f"Cookie: {cookie}\r\n" for cookie in cookies) if apart else f"Cookie: {'; '.join(cookies)}\r\n"
    data = f"GET /fast.txt HTTP/1.1\r\nHost: {made.host}\r\n{lines}Accept: */*\r\n\r\n".encode()
    with edge.connect() as wire:
        for at in range(0, len(data), size) if size > 1 else range(0):
            wire.send(data[at : at + size])
        if size == 1:
            for at in range(120):
                wire.send(data[at : at + 1])
            wire.send(data[120:])
        assert wire.reply().body == b"quick"
        assert wire.ask(made.host, "/fast.txt").body == b"quick"


def test_a_browser_with_too_many_cookies_is_told_to_delete_them(edge: RunningEdge, made: App) -> None:
    cookies = "; ".join(f"c{n}=" + "x" * 3800 for n in range(180))
    with edge.connect() as wire:
        # The whole request is sent before the response is read, as browsers do.
        wire.send(request(made.host, "/fast.txt", Accept="*/*", Cookie=cookies, User_Agent="x"))
        answer = wire.reply()
        assert (answer.status, answer["connection"]) == (431, "close")
        assert answer["clear-site-data"] == '"cookies"'
        assert wire.rest() == b""
    for header in ({"X_Long": "x" * 100_000}, {"X_Long": "x" * 70_000, "Cookie": "c=" + "x" * 60_000}):
        with edge.connect() as wire:
            wire.send(request(made.host, "/fast.txt", **header))
            answer = wire.reply()
            assert (answer.status, answer.get("clear-site-data")) == (431, None)


def test_an_upgrade_is_not_followed_and_the_request_is_answered(edge: RunningEdge, made: App) -> None:
    with edge.connect() as wire:
        answer = wire.ask(made.host, "/fast.txt", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Key="x")
        assert answer.body == b"quick"
        assert wire.rest() == b""


def unsent(edge: RunningEdge) -> int:
    """Returns the number of bytes that the edge holds for clients that do not read them."""
    sizes: list[int] = []
    edge.call(
        lambda: sizes.append(sum(one.transport.get_write_buffer_size() for one in edge.server.server_state.connections))
    )
    return sizes[0]


def test_responses_for_a_client_that_does_not_read_do_not_fill_the_memory(edge: RunningEdge, app: Make) -> None:
    body = bytes(60_000)
    made = app({"index.html": "", "fast.bin": body, "big.bin": BIG})
    edge.get(made.host, "/fast.bin")
    for target, size in (("/fast.bin", len(body)), ("/big.bin", len(BIG))):
        with unread(edge) as wire:
            count = 200
            wire.send(request(made.host, target) * count)
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline:
                assert unsent(edge) < 2_000_000
                assert edge.get(made.host, "/fast.bin").body == body
            for _ in range(count if size < 100_000 else 3):
                assert len(wire.reply().body) == size


@pytest.mark.parametrize("target", ["/fast.txt", "/api/x"])
def test_requests_of_a_client_that_does_not_read_are_not_read(edge: RunningEdge, made: App, target: str) -> None:
    with unread(edge) as wire:
        wire.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            wire.send(request(made.host, target) * 1_000_000)
        assert edge.get(made.host, "/fast.txt").body == b"quick"
        waiting: list[int] = []
        connections = [one for one in edge.server.server_state.connections if isinstance(one, GuardedProtocol)]
        edge.call(lambda: waiting.extend(len(one.pipeline) for one in connections))
        assert max(waiting) < 500


def test_thousands_of_requests_at_once_are_all_answered_in_order(edge: RunningEdge, made: App) -> None:
    """There are far more requests than the edge parses while it answers one, with a body in between."""
    upload = f"POST / HTTP/1.1\r\nHost: {made.host}\r\nContent-Length: 50000\r\n\r\n".encode() + b"0" * 50_000
    some = [*(["/fast.txt", "/api/x"] * 200), "POST", "/big.bin"]
    expected = {"/fast.txt": 200, "/api/x": 404, "POST": 405, "/big.bin": 200}
    data = b"".join(upload if target == "POST" else request(made.host, target) for target in some)
    with edge.connect() as wire, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(wire.send, data * 10)
        for target in some * 10:
            assert wire.reply().status == expected[target]
        sending.result()
        assert wire.ask(made.host, "/fast.txt", Connection="close").body == b"quick"


def test_a_client_that_disconnects_in_the_middle_leaves_nothing_behind(edge: RunningEdge, made: App) -> None:
    for _ in range(20):
        wire = unread(edge)
        wire.send(request(made.host, "/big.bin") * 3)
        wire.socket.recv(100)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.close()
    until(lambda: not edge.server.server_state.tasks)
    assert edge.get(made.host, "/fast.txt").status == 200


def test_idle_connections_are_closed_and_busy_connections_stay_open(
    own_edge: Callable[..., RunningEdge],
) -> None:
    # On a busy machine, a whole second may pass between two requests of a busy client.
    at_some_pace(partial(check_silent_and_busy_connections, own_edge), 1, 5, 25)


def check_silent_and_busy_connections(own_edge: Callable[..., RunningEdge], keep_alive: float) -> None:
    edge = own_edge(keep_alive=keep_alive)
    made = edge.app("quiet", {"index.html": "", "fast.txt": "quick", "big.bin": BIG * 4})
    edge.get(made.host, "/fast.txt")
    silent, half, used, full, busy = (edge.connect() for _ in range(5))
    stuck, steady = unread(edge), unread(edge)
    half.send(b"GET / HTTP/1.1\r\nHost: ")
    assert used.ask(made.host, "/fast.txt").status == 200
    assert full.ask(made.host, "/api/x").status == 404
    stuck.send(request(made.host, "/big.bin"))
    steady.send(request(made.host, "/big.bin"))
    received = 0
    for _ in range(35):
        assert busy.ask(made.host, "/fast.txt").body == b"quick"
        received += len(steady.socket.recv(20_000))
        time.sleep(keep_alive / 10)
    for wire in (silent, half, used, full):
        assert wire.rest() == b""
    until(lambda: len(edge.server.server_state.connections) <= 2)
    assert len(edge.server.server_state.connections) == 2
    assert len(stuck.rest()) < len(BIG) * 4
    assert busy.ask(made.host, "/fast.txt").body == b"quick"
    while received < len(BIG) * 4:
        received += len(steady.socket.recv(1 << 20))
    for wire in (silent, half, used, full, busy, stuck, steady):
        wire.close()


def test_stopping_lets_running_answers_end_and_idle_connections_go(own_edge: Callable[..., RunningEdge]) -> None:
    edge = own_edge()
    made = edge.app("last", {"index.html": "", "fast.txt": "quick", "big.bin": BIG * 4})
    idle, running = edge.connect(), unread(edge)
    assert idle.ask(made.host, "/fast.txt").status == 200
    assert idle.ask(made.host, "/fast.txt").status == 200
    running.send(request(made.host, "/big.bin"))
    running.socket.recv(10, socket.MSG_PEEK)
    edge.server.should_exit = True
    assert idle.rest() == b""
    assert len(running.reply().body) == len(BIG) * 4
    assert running.rest() == b""
    with pytest.raises(ConnectionError):
        edge.connect()
    idle.close()
    running.close()
