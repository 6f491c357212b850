"""The HTTP client for hosts that users name: checked addresses, no redirects, limited responses."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpcore
import httpx
import truststore

from easel.outgoing.addresses import Destinations
from easel.outgoing.errors import AnswerTooLargeError, HostUnknownError, HostUnreachableError

TIMEOUT = 15.0
"""Timeout in seconds of a whole request with its response."""
LONGEST_ANSWER = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to an outgoing request, with its complete body."""

    status: int
    headers: httpx.Headers
    body: bytes


class OutgoingClient:
    """Sends requests to hosts that users name. Each client is created by `outgoing_client`."""

    def __init__(self, client: httpx.AsyncClient, longest: int) -> None:
        self._client = client
        self._longest = longest

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
    ) -> Answer:
        """Sends the request and returns the response, whatever its status. Raises DestinationRefusedError,
        HostUnknownError, HostUnreachableError, AnswerTooLargeError."""
        place = _address(url)
        with _failures_of(place, TIMEOUT):
            async with (
                asyncio.timeout(TIMEOUT),
                self._client.stream(method, place, headers=headers, json=json, content=content) as found,
            ):
                return Answer(found.status_code, found.headers, await self._body(found))

    async def save(self, url: str, to: Path, *, timeout: float) -> int:
        """Sends a GET request, and returns the status. Saves the response's body to a file if the status is 200.
        `timeout` is in seconds, for the whole request. Raises the errors of `request`, and OSError if the file cannot
        be written."""
        place = _address(url)
        with to.open("wb") as file, _failures_of(place, timeout):
            async with asyncio.timeout(timeout), self._client.stream("GET", place) as found:
                if found.status_code == 200:
                    async for chunk in found.aiter_raw():
                        file.write(chunk)
                        if file.tell() > self._longest:
                            raise AnswerTooLargeError(host=place.host, limit=self._longest)
                return found.status_code

    async def _body(self, found: httpx.Response) -> bytes:
        # The body is read without decompression, because a small response could inflate to a huge body.
        body = bytearray()
        async for chunk in found.aiter_raw():
            body += chunk
            if len(body) > self._longest:
                raise AnswerTooLargeError(host=found.url.host, limit=self._longest)
        return bytes(body)


def _address(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise HostUnknownError(host=url[:100], reason=str(error)) from error


@contextmanager
def _failures_of(place: httpx.URL, timeout: float) -> Iterator[None]:
    """Turns connection failures in the block into errors of Easel, which refer to the host."""
    port = place.port or (80 if place.scheme == "http" else 443)
    try:
        yield
    except TimeoutError as error:
        reason = f"the host did not respond within {timeout:.0f} seconds"
        raise HostUnreachableError(host=place.host, port=port, reason=reason) from error
    except (httpx.HTTPError, ssl.SSLError, ConnectionError) as error:
        reason = str(error) or type(error).__name__
        raise HostUnreachableError(host=place.host, port=port, reason=reason) from error


@asynccontextmanager
async def outgoing_client(destinations: Destinations, longest: int = LONGEST_ANSWER) -> AsyncIterator[OutgoingClient]:
    """Yields a client whose connections live as long as the block. The client reads at most `longest` bytes of a
    response."""
    transport = httpx.AsyncHTTPTransport(trust_env=False)
    await transport.aclose()
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=_authorities(), max_connections=16, network_backend=_Backend(destinations)
    )
    async with httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": "Easel", "Accept-Encoding": "identity"},
    ) as client:
        yield OutgoingClient(client, longest)


@lru_cache(maxsize=1)
def _authorities() -> ssl.SSLContext:
    """Returns a TLS context with the certificate authorities. Reading them takes longer than most requests, so the
    context is cached."""
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _Backend(httpcore.AsyncNetworkBackend):
    """The part of the HTTP client that opens connections. It resolves each host name itself, checks the addresses, and
    connects only to an allowed address."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations
        self._below = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failed: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in await self._destinations.resolve(host, port):
            try:
                return await self._below.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore.ConnectError("it has no address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.UnsupportedProtocol("no unix sockets")

    async def sleep(self, seconds: float) -> None:
        await self._below.sleep(seconds)
