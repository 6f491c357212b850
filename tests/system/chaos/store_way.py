"""A proxy to a store that knows enough HTTP to respond in the store's place, and to break off a response in the
middle."""

from __future__ import annotations

import asyncio
import contextlib
import re

from tests.system.chaos.proxy import PIECE, Answers, Proxy

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_SAID = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
REFUSAL = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
    % (len(_SAID), _SAID)
)
"""S3's response to too many requests."""


class StoreWay(Proxy):
    """A proxy in front of a store."""

    refuses = False
    """True if every request on a new connection gets 503."""
    truncates = False
    """True if every response's body breaks off in the middle, with its connection."""

    def refuse(self) -> None:
        """Responds to every request with 503, until `mend`."""
        self.refuses = True
        self.abort()

    def mend(self) -> None:
        """Passes everything through again, unchanged."""
        super().mend()
        self.refuses = self.truncates = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.refuses:
            await super()._serve(reader, writer)
            return
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            left = int(length[1]) if length is not None else 0
            # A client that is still sending would miss the response.
            while left > 0 and (piece := await reader.read(PIECE)):
                left -= len(piece)
            writer.write(REFUSAL)
            await writer.drain()
            writer.write_eof()
            await reader.read()
        writer.close()

    def answers(self) -> Answers:
        """Returns a handler that finds the first byte of bodies."""
        left: int | None = None

        def pass_on(data: bytes) -> tuple[bytes, bool]:
            nonlocal left
            begin = 0
            if data.startswith(b"HTTP/1."):
                head, _, body = data.partition(b"\r\n\r\n")
                length = _LENGTH.search(head)
                left = int(length[1]) // 2 if self.truncates and length is not None and int(length[1]) > 1 else None
                begin = len(data) - len(body)
            if left is None:
                return data, True
            if begin + left >= len(data):
                left -= len(data) - begin
                return data, True
            return data[: begin + left], False

        return pass_on
