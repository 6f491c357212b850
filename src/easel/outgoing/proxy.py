"""An HTTP proxy (RFC 9110 §9.3.6, RFC 9112 §3.2.2) that reaches only allowed hosts.

The proxy supports `CONNECT` and requests in absolute form. It resolves names itself, and connects only to allowed
addresses.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path

from easel.errors import EaselError
from easel.outgoing.addresses import Destinations
from easel.outgoing.errors import DestinationRefusedError
from easel.outgoing.heads import LONGEST_HEAD, ProxyRequest, read_request
from easel.outgoing.hosts import HostRules

HEAD_TIMEOUT = 30.0
IDLE_TIMEOUT = 180.0
"""Number of seconds without a byte in either direction after which the proxy closes a connection."""
LINGER = 1.0
"""Number of seconds in which a refused client can read the refusal, before its connection is closed."""
READ_CHUNK = 64 * 1024
MOST_CONNECTIONS = 256
MOST_REFUSED = 100
"""Maximum number of refused hosts that are reported."""
OFTEN = 100
"""Number of refused connections to a host after which the proxy reports the host a second time."""
_CHALLENGE = 'Proxy-Authenticate: Basic realm="Easel"\r\n'


@dataclass(frozen=True, slots=True)
class Refusal:
    """A host that the proxy did not connect to: the setting that allows the host, or the `failure` if its name cannot
    be resolved or it accepts no connection. `attempts` is the number of refused connections to the host."""

    host: str
    port: int
    setting: str = ""
    failure: str = ""
    attempts: int = 1

    @property
    def sentence(self) -> str:
        """Returns a sentence for the log that names the host, and the setting or the failure."""
        if self.failure:
            return self.failure
        place = self.host if self.port in (80, 443) else f"{self.host}:{self.port}"
        if self.setting == "EASEL_PRIVATE_NETWORKS":
            return (
                f"The connection to {place} was refused, because its address is not public. An operator can allow "
                f"its network with {self.setting}."
            )
        return f"The connection to {place} was refused. An operator can allow this host with {self.setting}."


class EgressProxy:
    """A proxy for one client. `on_refused` is called at the first failed connection to each host and port, before the
    client gets the response, and again at the failed connection number `OFTEN`."""

    def __init__(
        self,
        destinations: Destinations,
        hosts: HostRules,
        on_refused: Callable[[Refusal], None] = lambda refusal: None,
        setting: str = "EASEL_BUILD_HOSTS",
    ) -> None:
        self._destinations = destinations
        self._hosts = hosts
        self._on_refused = on_refused
        self._setting = setting
        self._refused: dict[tuple[str, int], Refusal] = {}
        self._attempts: Counter[tuple[str, int]] = Counter()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Returns the refused hosts, each once, at most `MOST_REFUSED`."""
        return tuple(self._refused.values())

    @asynccontextmanager
    async def on_listener(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serves the connections of a listening socket inside the `with` block, and closes the socket at its end."""
        async with self._serving(await asyncio.start_server(self._connected(None), sock=listener, limit=LONGEST_HEAD)):
            yield

    @asynccontextmanager
    async def on_path(self, path: Path) -> AsyncIterator[None]:
        """Serves a unix socket at the path inside the `with` block. Raises OSError."""
        async with self._serving(await asyncio.start_unix_server(self._connected(None), path, limit=LONGEST_HEAD)):
            yield

    @asynccontextmanager
    async def on_loopback(self) -> AsyncIterator[str]:
        """Serves a free port of 127.0.0.1 inside the `with` block. Yields the proxy's URL with the required
        password."""
        password = secrets.token_urlsafe(24)
        credentials = base64.b64encode(f"easel:{password}".encode()).decode()
        started = await asyncio.start_server(
            self._connected(f"Basic {credentials}"), "127.0.0.1", 0, limit=LONGEST_HEAD
        )
        async with self._serving(started):
            yield f"http://easel:{password}@127.0.0.1:{started.sockets[0].getsockname()[1]}"

    @asynccontextmanager
    async def _serving(self, server: asyncio.Server) -> AsyncIterator[None]:
        try:
            yield
        finally:
            server.close()
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    def _connected(self, credentials: str | None) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(self._running) >= MOST_CONNECTIONS:
                writer.transport.abort()
                return
            task = asyncio.get_running_loop().create_task(self._serve(reader, writer, credentials))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        return connected

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, credentials: str | None) -> None:
        async with AsyncExitStack() as opened:
            opened.callback(writer.transport.abort)
            answer = partial(_answer, reader, writer)
            try:
                async with asyncio.timeout(HEAD_TIMEOUT):
                    request = read_request(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.LimitOverrunError:
                return await answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large.")
            except (TimeoutError, OSError, asyncio.IncompleteReadError):
                return None
            if request is None:
                return await answer(
                    HTTPStatus.BAD_REQUEST, "This proxy supports CONNECT, and requests for http:// URLs."
                )
            if credentials is not None and not hmac.compare_digest(request.credentials.encode(), credentials.encode()):
                return await answer(
                    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, "This proxy requires a password.", _CHALLENGE
                )
            if not self._hosts.allows(request.host, request.port):
                return await answer(HTTPStatus.FORBIDDEN, self._refuse(request, setting=self._setting))
            try:
                there, back = await self._destinations.connect(request.host, request.port)
            except DestinationRefusedError:
                return await answer(HTTPStatus.FORBIDDEN, self._refuse(request, setting="EASEL_PRIVATE_NETWORKS"))
            except EaselError as error:
                return await answer(HTTPStatus.BAD_GATEWAY, self._refuse(request, failure=error.message))
            opened.callback(back.transport.abort)
            (back if request.forwarded else writer).write(request.forwarded or b"HTTP/1.1 200 Connected\r\n\r\n")
            await _relay((reader, back), (there, writer))
        return None

    def _refuse(self, request: ProxyRequest, *, setting: str = "", failure: str = "") -> str:
        refusal = Refusal(request.host, request.port, setting, failure)
        place = request.host, request.port
        if place not in self._refused and len(self._refused) < MOST_REFUSED:
            self._refused[place] = refusal
            self._on_refused(refusal)
        if place in self._refused:
            self._attempts[place] += 1
            if self._attempts[place] == OFTEN:
                self._on_refused(replace(refusal, attempts=OFTEN))
        return refusal.sentence


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: HTTPStatus, text: str, headers: str = ""
) -> None:
    body = f"Easel: {text}\n".encode()
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{headers}Content-Type: text/plain; charset=utf-8\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(LINGER):
            await writer.drain()
            writer.write_eof()
            # Closing a connection with unread bytes resets it, and the peer may then lose the response.
            while await reader.read(READ_CHUNK):
                pass


async def _relay(*ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Copies bytes in both directions. Ends when both directions have ended, when one direction is broken, or when no
    byte arrived from either side for `IDLE_TIMEOUT` seconds."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(IDLE_TIMEOUT) as idle, asyncio.TaskGroup() as both:

            async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                while chunk := await reader.read(READ_CHUNK):
                    idle.reschedule(loop.time() + IDLE_TIMEOUT)
                    writer.write(chunk)
                    await writer.drain()
                writer.write_eof()

            for reader, writer in ways:
                both.create_task(copy(reader, writer))
    except* (OSError, TimeoutError):
        pass
