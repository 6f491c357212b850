"""The messages between an api and its lane (its second process, for costly requests). Each request has its own socket.
The messages on a socket are the request, BEGUN, and the response."""

from __future__ import annotations

import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

READY, ASKED = b".", b"?"
"""Messages on the socket that api and lane share from the start. READY: the lane is ready, at its start and after each
question. ASKED: the api asks whether the lane is ready."""
BEGUN = b"b"
"""The message with which the lane reports that it has received the whole request, and begins to carry it out. Before
this message, nothing has changed."""

_SIZES = struct.Struct("!IQ")

Headers = list[tuple[bytes, bytes]]


class LaneRequest(msgspec.Struct, array_like=True, frozen=True):
    """A request that the api has admitted: its ASGI scope, its id, and the organisation that it counts for."""

    method: str
    scheme: str
    path: str
    raw_path: bytes
    query: bytes
    root_path: str
    headers: Headers
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    request_id: str
    whose: str

    @classmethod
    def of(cls, scope: Any) -> LaneRequest:
        """Returns the message for a request whose scope has passed the gate (`http/gate.py`)."""
        state = scope["state"]
        return cls(
            scope["method"],
            scope["scheme"],
            scope["path"],
            scope.get("raw_path") or scope["path"].encode(),
            scope["query_string"],
            scope.get("root_path", ""),
            list(scope["headers"]),
            tuple(scope["client"]) if scope.get("client") else None,
            tuple(scope["server"]) if scope.get("server") else None,
            state["request_id"],
            state["whose"],
        )

    def scope(self) -> dict[str, Any]:
        """Returns the ASGI scope of the request in the lane (the api's second process)."""
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": self.scheme,
            "path": self.path,
            "raw_path": self.raw_path,
            "query_string": self.query,
            "root_path": self.root_path,
            "headers": self.headers,
            "client": self.client,
            "server": self.server,
            "state": {"request_id": self.request_id, "whose": self.whose, "in_lane": True},
        }


class LaneAnswer(msgspec.Struct, array_like=True, frozen=True):
    """The response of the lane (the api's second process), and the name of the limit that refused the request."""

    status: int
    headers: Headers
    refused_by: str | None = None


Head = TypeVar("Head", LaneRequest, LaneAnswer)


async def send(writer: StreamWriter, head: LaneRequest | LaneAnswer, body: Iterable[bytes], size: int) -> None:
    """Sends a head, and a body of `size` bytes, no faster than the other side reads. Raises OSError if the other side
    is gone."""
    packed = msgspec.msgpack.encode(head)
    writer.write(_SIZES.pack(len(packed), size) + packed)
    for piece in body:
        writer.write(piece)
        await writer.drain()
    await writer.drain()


async def receive(reader: StreamReader, kind: type[Head]) -> tuple[Head, bytes]:
    """Returns the head and the body that the other side sends. Raises asyncio.IncompleteReadError and OSError if the
    other side is gone."""
    head_size, size = _SIZES.unpack(await reader.readexactly(_SIZES.size))
    head = msgspec.msgpack.decode(await reader.readexactly(head_size), type=kind)
    return head, await reader.readexactly(size)
