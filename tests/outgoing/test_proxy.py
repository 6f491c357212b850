"""The proxy that connects builds and Git to the internet."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from easel.outgoing.addresses import Destinations
from easel.outgoing.heads import read_request
from easel.outgoing.hosts import HostRules
from easel.outgoing.proxy import OFTEN, EgressProxy, Refusal

LOCAL = Destinations((ipaddress.ip_network("127.0.0.0/8"),))


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Yields a server that responds to each request with `pong`: its address, and its requests."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\npong")
        writer.close()

    started = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"127.0.0.1:{started.sockets[0].getsockname()[1]}", heard
    started.close()


async def ask(url: str, request: str) -> str:
    """Returns the complete response of the proxy at the URL."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(request.encode("latin-1"))
    answer = await reader.read()
    writer.close()
    return answer.decode()


def credentials(url: str) -> str:
    import base64

    place = urlsplit(url)
    return "Basic " + base64.b64encode(f"{place.username}:{place.password}".encode()).decode()


async def test_a_proxy_on_loopback_requires_a_password(server: tuple[str, list[bytes]]) -> None:
    place, heard = server
    async with EgressProxy(LOCAL, HostRules((place,))).on_loopback() as url:
        request = f"GET http://{place}/x HTTP/1.1\r\n"
        assert (await ask(url, request + "\r\n")).startswith("HTTP/1.1 407 ")
        assert (await ask(url, request + "Proxy-Authorization: Basic d3Jvbmc6\r\n\r\n")).startswith("HTTP/1.1 407 ")
        assert heard == []
        assert (await ask(url, f"{request}Proxy-Authorization: {credentials(url)}\r\n\r\n")).endswith("pong")
    assert b"Authorization" not in heard[0]


async def test_a_proxy_on_a_socket_path_serves_every_client_that_may_open_the_path(
    server: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    place, _ = server
    async with EgressProxy(LOCAL, HostRules((place,))).on_path(tmp_path / "proxy.sock"):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "proxy.sock")
        writer.write(f"CONNECT {place} HTTP/1.1\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connected\r\n\r\n"
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await reader.read()).endswith(b"pong")
        writer.close()


async def test_each_refused_host_is_reported_once(server: tuple[str, list[bytes]]) -> None:
    told: list[Refusal] = []
    proxy = EgressProxy(Destinations(), HostRules(("127.0.0.1",)), told.append)
    async with proxy.on_loopback() as url:
        for host in ("a.example.com:443", "a.example.com:443", "b.example.com:443", "127.0.0.1:443"):
            request = f"CONNECT {host} HTTP/1.1\r\nProxy-Authorization: {credentials(url)}\r\n\r\n"
            assert (await ask(url, request)).startswith("HTTP/1.1 403 Forbidden\r\n")
    assert [(one.host, one.setting) for one in told] == [
        ("a.example.com", "EASEL_BUILD_HOSTS"),
        ("b.example.com", "EASEL_BUILD_HOSTS"),
        ("127.0.0.1", "EASEL_PRIVATE_NETWORKS"),
    ]
    assert proxy.refused == tuple(told)


async def test_a_host_without_an_address_is_a_gateways_error_and_is_reported() -> None:
    told: list[Refusal] = []
    async with EgressProxy(LOCAL, HostRules(("*",)), told.append).on_loopback() as url:
        request = f"CONNECT no-such-host.invalid:443 HTTP/1.1\r\nProxy-Authorization: {credentials(url)}\r\n\r\n"
        assert (await ask(url, request)).startswith("HTTP/1.1 502 ")
    assert [(one.host, one.setting) for one in told] == [("no-such-host.invalid", "")]
    assert told[0].sentence.startswith("The host name no-such-host.invalid cannot be resolved: ")


async def test_a_host_that_is_refused_a_hundred_times_is_reported_a_second_time() -> None:
    told: list[Refusal] = []
    proxy = EgressProxy(LOCAL, HostRules(()), told.append)
    async with proxy.on_loopback() as url:
        request = f"CONNECT a.example.com:443 HTTP/1.1\r\nProxy-Authorization: {credentials(url)}\r\n\r\n"
        for _ in range(OFTEN + 5):
            await ask(url, request)
    assert [one.attempts for one in told] == [1, OFTEN]
    assert len(proxy.refused) == 1


async def test_long_heads_are_refused() -> None:
    async with EgressProxy(LOCAL, HostRules(("*",))).on_loopback() as url:
        assert (await ask(url, "CONNECT a.com:443 HTTP/1.1\r\n" + "x: y\r\n" * 20_000)).startswith("HTTP/1.1 431 ")


async def test_open_connections_end_with_the_proxy(server: tuple[str, list[bytes]]) -> None:
    place, _ = server
    async with EgressProxy(LOCAL, HostRules((place,))).on_loopback() as url:
        found = urlsplit(url)
        reader, writer = await asyncio.open_connection(found.hostname, found.port)
        writer.write(f"CONNECT {place} HTTP/1.1\r\nProxy-Authorization: {credentials(url)}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
    assert await reader.read() == b""
    writer.close()


def test_the_host_of_the_address_is_the_host_that_is_asked() -> None:
    request = read_request(
        b"GET http://Example.com:8080/a?b HTTP/1.1\r\nHost: other.net\r\nConnection: keep-alive, x\r\nX-Y: 1\r\n"
        b"Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic abc\r\n\r\n"
    )
    assert request is not None
    assert (request.host, request.port, request.credentials) == ("example.com", 8080, "Basic abc")
    assert request.forwarded == (b"GET /a?b HTTP/1.1\r\nHost: Example.com:8080\r\nX-Y: 1\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("address", "path"), [("http://a.com", b"/"), ("http://a.com?q", b"/?q"), ("HTTP://a.com/x//y", b"/x//y")]
)
def test_a_path_is_passed_on_as_it_is(address: str, path: bytes) -> None:
    request = read_request(f"GET {address} HTTP/1.1\r\n\r\n".encode())
    assert request is not None
    assert request.forwarded.startswith(b"GET " + path + b" HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1",
        "GET https://a.com/ HTTP/1.1",
        "GET ftp://a.com/ HTTP/1.1",
        "GET http://user@a.com/ HTTP/1.1",
        "GET http://a.com:99999/ HTTP/1.1",
        "GET http:///x HTTP/1.1",
        "GET http://a.com/ HTTP/2",
        "GET http://a.com/ x HTTP/1.1",
        "GET  http://a.com/ HTTP/1.1",
        "get http://a.com/ HTTP/1.1",
        "GET http://a.com\\@b.com/ HTTP/1.1",
        "GET http://a.com#b.com/ HTTP/1.1",
        "CONNECT a.com HTTP/1.1",
        "CONNECT a.com:443/ HTTP/1.1",
        "CONNECT user@a.com:443 HTTP/1.1",
        "CONNECT a.com:0 HTTP/1.1",
        "CONNECT [::1]443 HTTP/1.1",
        "GET http://a.com/ HTTP/1.1\r\n folded: x",
        "GET http://a.com/ HTTP/1.1\r\nno colon",
        "GET http://a.com/ HTTP/1.1\r\nX : y",
        "GET http://a.com/ HTTP/1.1\r\nX: a\nEvil: b",
        "GET http://a.com/ HTTP/1.1\r\nX: a\rb",
        "GET http://a.com/\x00 HTTP/1.1",
        "GET http://a.com/\xe4 HTTP/1.1",
        "",
    ],
)
def test_bytes_that_are_no_proxy_request_are_refused(head: str) -> None:
    assert read_request(f"{head}\r\n\r\n".encode("latin-1")) is None
