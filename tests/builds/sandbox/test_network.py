"""A build reaches its allowed hosts through the proxy, and nothing else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from easel.outgoing.hosts import HostRules
from easel.outgoing.proxy import Refusal
from tests.builds.sandbox.conftest import Bench

GET = """
import socket, sys
where, request = sys.argv[1:3]
host, port = where.rsplit(":", 1)
try:
    there = socket.create_connection((host, int(port)), 60)
    there.sendall(request.encode().decode("unicode_escape").encode())
    while data := there.recv(4096):
        print(data.decode(), flush=True)
except OSError as error:
    print(type(error).__name__, error)
"""
PROXY = "127.0.0.1:3128"
SETTING = "EASEL_BUILD_HOSTS"


@contextmanager
def a_server() -> Iterator[tuple[int, list[str]]]:
    """Yields a server on 127.0.0.1: its port, and its requests."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['Host']} {self.headers['Proxy-Authorization']}")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"welcome")

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


async def test_an_allowed_host_is_reached(bench: Bench) -> None:
    with a_server() as (port, asked):
        place = f"127.0.0.1:{port}"
        hosts = HostRules((place,))
        await bench.python(
            GET,
            PROXY,
            rf"GET http://{place}/plain HTTP/1.1\r\nHost: other\r\nConnection: keep-alive\r\n\r\n",
            hosts=hosts,
        )
        tunnel = rf"CONNECT {place} HTTP/1.1\r\n\r\n" + rf"GET /tunnel HTTP/1.0\r\nHost: {place}\r\n\r\n"
        ended = await bench.python(GET, PROXY, tunnel, hosts=hosts)
        assert bench.text.count("welcome") == 2
        assert asked == [f"/plain {place} None", f"/tunnel {place} None"]
        assert ended.refused == ()


async def test_other_hosts_are_refused_with_the_setting_that_allows_them(bench: Bench) -> None:
    request = r"CONNECT fonts.example.com:443 HTTP/1.1\r\n\r\n"
    ended = await bench.python(GET, PROXY, request)
    assert "403 Forbidden" in bench.text
    assert "fonts.example.com was refused. An operator can allow this host with EASEL_BUILD_HOSTS." in bench.text
    assert ended.refused == (Refusal("fonts.example.com", 443, "EASEL_BUILD_HOSTS"),)


@pytest.mark.skipif(not Path("/usr/bin/git").exists(), reason="no /usr/bin/git")
@pytest.mark.parametrize("address", ["ssh://git@git.example.com/a/b.git", "git@github.com:a/b.git"])
async def test_a_dependency_with_an_ssh_address_is_fetched_over_https(bench: Bench, address: str) -> None:
    ended = await bench.run("git", "ls-remote", address)
    assert ended.refused == (Refusal(address.partition("@")[2].replace(":", "/").partition("/")[0], 443, SETTING),)


async def test_private_addresses_are_refused_whatever_name_they_have(bench: Bench) -> None:
    hosts = HostRules(("10.1.2.3", "[::ffff:10.1.2.3]", "169.254.169.254", "0x0a010203"))
    for host in hosts.rules:
        await bench.python(GET, PROXY, rf"CONNECT {host}:443 HTTP/1.1\r\n\r\n", hosts=hosts)
    assert bench.text.count("403 Forbidden") == 4
    assert (
        bench.text.count("its address is not public. An operator can allow its network with EASEL_PRIVATE_NETWORKS.")
        == 4
    )


async def test_a_build_reaches_nothing_except_through_the_proxy(bench: Bench) -> None:
    with a_server() as (port, asked), socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0easel-test-{port}")
        abstract.listen()
        own = socket.gethostbyname(socket.gethostname())
        for host in ("127.0.0.1", own, "169.254.169.254", "example.com"):
            await bench.python(GET, f"{host}:{port}", r"GET / HTTP/1.0\r\n\r\n")
        await bench.python(f"import socket; socket.socket(socket.AF_UNIX).connect('\\0easel-test-{port}')")
        assert "welcome" not in bench.text
        assert asked == []
    assert "Network is unreachable" in bench.text
    assert "ConnectionRefusedError" in bench.text.splitlines()[-1]


@pytest.mark.builds
async def test_many_connections_at_once_leave_the_proxy_working(bench: Bench) -> None:
    script = (
        "import socket\nopened = [socket.create_connection(('127.0.0.1', 3128)) for n in range(600)]\n"
        "for one in opened: one.sendall(b'CONNECT ')\nprint('opened'); opened.clear()\n"
    )
    with a_server() as (port, asked):
        place = f"127.0.0.1:{port}"
        request = rf"GET http://{place}/after HTTP/1.1\r\n\r\n"
        await bench.python(script + GET, PROXY, request, hosts=HostRules((place,)))
        assert "opened" in bench.text
        assert asked == [f"/after {place} None"]


@pytest.mark.builds
async def test_each_build_has_a_proxy_of_its_own(bench: Bench) -> None:
    with a_server() as (port, asked):
        place = f"127.0.0.1:{port}"
        request = rf"GET http://{place}/ HTTP/1.1\r\n\r\n"
        allowed = bench.python(GET, PROXY, request, hosts=HostRules((place,)))
        refused = bench.python(GET, PROXY, request, hosts=HostRules(("example.com",)))
        ended = await asyncio.gather(allowed, refused)
    assert len(asked) == 1
    assert [len(one.refused) for one in ended] == [0, 1]
