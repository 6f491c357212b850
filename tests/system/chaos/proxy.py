"""A proxy between Easel and its database or store that can be cut and slowed down."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

PIECE = 64 * 1024

Place = Path | int
"""A Unix socket, or a port of 127.0.0.1."""

Answers = Callable[[bytes], tuple[bytes, bool]]
"""Handles a piece of a response. Returns the part to pass on, and true if more follows."""


def as_it_is(data: bytes) -> tuple[bytes, bool]:
    """Passes everything on."""
    return data, True


class Proxy:
    """Forwards bytes in both directions, in its own thread. Other threads may call its methods."""

    def __init__(self, target: Place) -> None:
        self.target = target
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._stranded: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self.delay = 0.0
        """Delay of every piece, in seconds."""
        self.hangs = False
        """True if connections stay open, and can be opened, without any data."""

    def cut(self) -> None:
        """Ends all connections, and every new connection, until `mend`."""
        self._is_cut = True
        self.abort()

    def mend(self) -> None:
        """Passes everything through again, unchanged."""
        self._is_cut = self.hangs = False
        self.delay = 0.0

    def strand(self) -> None:
        """Blocks the open connections for ever, as if the other machine had vanished."""
        self._stranded |= self._open

    def abort(self) -> None:
        """Ends all connections."""
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            if isinstance(self.target, Path):
                there, back = await asyncio.open_unix_connection(str(self.target))
            else:
                there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        try:
            await asyncio.gather(self._pass_on(reader, back, as_it_is), self._pass_on(there, writer, self.answers()))
        finally:
            self._open -= {writer, back}
            writer.close()
            back.close()

    def answers(self) -> Answers:
        """Returns the handler for the responses on a new connection."""
        return as_it_is

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: Answers) -> None:
        try:
            while data := await reader.read(PIECE):
                if self.delay:
                    await asyncio.sleep(self.delay)
                while self.hangs or writer in self._stranded:
                    await asyncio.sleep(0.02)
                passed, goes_on = answers(data)
                writer.write(passed)
                await writer.drain()
                if not goes_on:
                    break
        except OSError:
            pass
        finally:
            # The other side is notified, however this side ended.
            with contextlib.suppress(OSError, RuntimeError):
                writer.write_eof()

    @contextmanager
    def listening(self, at: Place) -> Iterator[Self]:
        """Accepts connections at the place for the duration of the block."""
        if isinstance(at, Path):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(at))
            listener.listen(100)
        else:
            listener = socket.create_server(("127.0.0.1", at))
        at_unix = isinstance(at, Path)

        async def serve() -> None:
            begin = asyncio.start_unix_server if at_unix else asyncio.start_server
            server = await begin(self._serve, sock=listener)
            async with server:
                await server.serve_forever()

        def run() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(task)
            left = asyncio.all_tasks(self._loop)
            for connection in left:
                connection.cancel()
            if left:
                self._loop.run_until_complete(asyncio.wait(left))

        task = self._loop.create_task(serve())
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.abort()
            self._loop.call_soon_threadsafe(task.cancel)
            thread.join(60)
