"""The private port of an api or edge: its metrics, and the state of its parts. The public ports report neither."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST

from easel.connections.guarded import GuardedProtocol

KEEP_ALIVE = 60
"""Idle timeout of a connection in seconds. It is longer than Prometheus waits between two scrapes."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The readiness of a process as a word, and the state of its parts."""

    ready: bool
    status: str
    parts: dict[str, str]

    @property
    def code(self) -> int:
        """Returns the status code: 200, or 503 if the process is not ready."""
        return 200 if self.ready else 503

    def to_json(self, *, in_detail: bool) -> bytes:
        """Returns the state as JSON. Without `in_detail`, leaves out the parts, as the public port does."""
        public = {"status": "ok" if self.ready else "not ready"}
        body = {"status": self.status, **self.parts} if in_detail else public
        return json.dumps(body, separators=(",", ":")).encode()


class PrivateApp:
    """Answers `/metrics`, `/readyz` and `/healthz`, as an ASGI application."""

    def __init__(self, metrics: Callable[[], Awaitable[bytes]], readiness: Callable[[], Awaitable[Readiness]]) -> None:
        self._metrics = metrics
        self._readiness = readiness

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Responds to one request on the private port."""
        if scope["type"] != "http":
            return
        status, kind, body = await self._answer(scope["path"])
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        headers.append((b"cache-control", b"no-store"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, await self._metrics()
        if path == "/readyz":
            found = await self._readiness()
            return found.code, "application/json", found.to_json(in_detail=True)
        if path == "/healthz":
            return 200, "application/json", b'{"status":"ok"}'
        return 404, "text/plain; charset=utf-8", b"Here are /metrics, /readyz and /healthz.\n"


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The process's other server handles signals.
        yield


@asynccontextmanager
async def private_port(app: PrivateApp, bound: socket.socket | None) -> AsyncIterator[None]:
    """Serves the application on the socket during the block. Does nothing without a socket."""
    if bound is None:
        yield
        return
    config = uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]), name="private port")
    try:
        yield
    finally:
        # Monitoring clients need no graceful shutdown, because they retry and notice that the process has ended.
        serving.cancel()
        await asyncio.wait([serving])
        for listening in getattr(server, "servers", []):
            listening.close()
