"""The api's server: a few connections are accepted in each round of the event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import uvicorn

logger = logging.getLogger(__name__)

_AT_ONCE = 4
"""Maximum number of connections that are accepted in one round of the event loop."""
_PAUSE = 1.0
"""Seconds until the next attempt after the system refused a connection, for example if no file descriptor is left."""


class ApiServer(uvicorn.Server):
    """uvicorn's server, which accepts only a few connections in each round of the event loop. The event loop's own
    server would accept all waiting connections at once. A thousand of them would delay every request by a tenth of a
    second."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept connections on the listening sockets, which do not block."""
        await super().startup(sockets=[])
        self._connecting: set[asyncio.Task[None]] = set()
        for listening in sockets or ():
            self._listen(listening)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more connections, and returns when all requests are answered, or after the timeout."""
        for listening in sockets or ():
            asyncio.get_running_loop().remove_reader(listening)
        await super().shutdown(sockets)

    def _listen(self, listening: socket.socket) -> None:
        if not self.should_exit:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        accepted: list[socket.socket] = []
        try:
            while len(accepted) < _AT_ONCE:
                accepted.append(listening.accept()[0])
        except (BlockingIOError, ConnectionAbortedError):
            pass
        except OSError as error:
            logger.error("could not accept a connection: %s", error)
            loop.remove_reader(listening)
            loop.call_later(_PAUSE, self._listen, listening)
        if accepted:
            connecting = loop.create_task(self._connect(accepted))
            self._connecting.add(connecting)
            connecting.add_done_callback(self._connecting.discard)

    async def _connect(self, accepted: list[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        for connection in accepted:
            try:
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await loop.connect_accepted_socket(self._protocol, connection)
            except OSError:
                # The client has disconnected.
                connection.close()

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol = make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        assert isinstance(protocol, asyncio.Protocol)
        return protocol
