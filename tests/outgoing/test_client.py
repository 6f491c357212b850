"""The client for the APIs of Git hosts."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
from collections.abc import AsyncIterator

import pytest

from easel.outgoing.addresses import Destinations
from easel.outgoing.client import outgoing_client
from easel.outgoing.errors import AnswerTooLargeError, DestinationRefusedError, HostUnknownError, HostUnreachableError

LOCAL = Destinations((ipaddress.ip_network("127.0.0.0/8"),))
ANSWERS = {
    "/json": b"HTTP/1.1 201 Created\r\nX-Kind: a\r\nContent-Length: 2\r\n\r\n{}",
    "/moved": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/other\r\nContent-Length: 0\r\n\r\n",
    "/long": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000,
    "/bomb": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(1_000_000)),
    "/broken": b"nonsense\r\n\r\n",
}


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, list[str]]]:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head)
        writer.write(ANSWERS[head.split(" ")[1]])
        writer.close()

    started = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{started.sockets[0].getsockname()[1]}", asked
    started.close()


async def test_an_answer_is_given_whole(server: tuple[str, list[str]]) -> None:
    url, asked = server
    async with outgoing_client(LOCAL) as client:
        answer = await client.request("POST", f"{url}/json", headers={"Authorization": "token x"}, json={"a": 1})
    assert (answer.status, answer.headers["X-Kind"], answer.body) == (201, "a", b"{}")
    assert "authorization: token x" in asked[0].lower()


async def test_a_redirect_is_not_followed(server: tuple[str, list[str]]) -> None:
    url, asked = server
    async with outgoing_client(LOCAL) as client:
        assert (await client.request("GET", f"{url}/moved")).status == 302
    assert len(asked) == 1


@pytest.mark.parametrize("path", ["/long", "/bomb"])
async def test_answers_are_bounded_and_not_inflated(server: tuple[str, list[str]], path: str) -> None:
    url, _ = server
    async with outgoing_client(LOCAL, longest=2000) as client:
        if path == "/bomb":
            assert len((await client.request("GET", url + path)).body) < 2000
        else:
            with pytest.raises(AnswerTooLargeError):
                await client.request("GET", url + path)


async def test_addresses_that_are_not_public_are_refused(server: tuple[str, list[str]]) -> None:
    url, asked = server
    async with outgoing_client(Destinations()) as client:
        with pytest.raises(DestinationRefusedError):
            await client.request("GET", f"{url}/json")
    assert asked == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "http://[", "file:///etc/passwd", "/path"])
async def test_an_address_that_is_not_http_is_refused(url: str) -> None:
    async with outgoing_client(LOCAL) as client:
        with pytest.raises((HostUnknownError, HostUnreachableError)):
            await client.request("GET", url)


async def test_a_malformed_response_counts_as_an_unreachable_host(server: tuple[str, list[str]]) -> None:
    url, _ = server
    async with outgoing_client(LOCAL) as client:
        with pytest.raises(HostUnreachableError):
            await client.request("GET", f"{url}/broken")


async def test_no_proxy_of_the_environment_is_used(
    server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    url, _ = server
    async with outgoing_client(LOCAL) as client:
        assert (await client.request("GET", f"{url}/json")).status == 201
