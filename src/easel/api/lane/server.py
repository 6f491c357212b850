"""The lane's side of the connection to its api: carries out the requests that the api passes on."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress

from starlette.types import ASGIApp, Message

from easel.api.lane.messages import BEGUN, READY, Headers, LaneAnswer, LaneRequest, receive, send

logger = logging.getLogger(__name__)


async def serve(app: ASGIApp, control: socket.socket) -> None:
    """Reports on `control` that the lane (the api's second process) is ready. Then answers the requests whose sockets
    arrive on `control`, until the api closes it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    running: set[asyncio.Task[None]] = set()

    def arrived() -> None:
        try:
            while True:
                # The api sends one byte with each socket.
                said, descriptors, _, _ = socket.recv_fds(control, 1, 1)
                if not said:
                    ended.set()
                    return
                if not descriptors:
                    control.send(READY)
                    continue
                task = loop.create_task(_answer(app, socket.socket(fileno=descriptors[0])))
                running.add(task)
                task.add_done_callback(running.discard)
        except BlockingIOError:
            return
        except OSError:
            ended.set()

    control.setblocking(False)
    loop.add_reader(control.fileno(), arrived)
    try:
        with suppress(BrokenPipeError):
            control.send(READY)
        await ended.wait()
    finally:
        loop.remove_reader(control.fileno())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _answer(app: ASGIApp, connection: socket.socket) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    try:
        asked, body = await receive(reader, LaneRequest)
        # BEGUN is sent at once. The writer would send it later, when the request may already have changed something.
        connection.send(BEGUN)
        working = asyncio.ensure_future(_carry_out(app, asked, body))
        # The api sends nothing more. It closes the socket when it aborts the request.
        broken_off = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait([working, broken_off], return_when=asyncio.FIRST_COMPLETED)
        finally:
            broken_off.cancel()
            if not working.done():
                working.cancel()
        answered, pieces = await working
        await send(writer, answered, pieces, sum(map(len, pieces)))
    except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        # The api is gone, or nobody waits for the response any more.
        return
    finally:
        writer.close()


async def _carry_out(app: ASGIApp, asked: LaneRequest, body: bytes) -> tuple[LaneAnswer, list[bytes]]:
    status, headers, pieces = 500, Headers(), list[bytes]()

    async def receive_body() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def keep(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            pieces.append(bytes(message.get("body", b"")))

    scope = asked.scope()
    await app(scope, receive_body, keep)
    return LaneAnswer(status, headers, scope["state"].get("refused_by")), pieces
