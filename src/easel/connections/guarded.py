"""The protection that a connection from the open internet needs beyond uvicorn's protocol.

uvicorn leaves some duties to a proxy in front, but api and edge may have no proxy. Heads are bounded. Idle clients are
disconnected. A client that has closed its sending side still gets its responses. If a client requests more than it
reads, the server stops reading from it until it reads. A malformed request is refused only after the earlier requests
are answered.
"""

from __future__ import annotations

import asyncio
import fcntl
import sys
import termios
import time
from typing import Any, NoReturn

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from easel.connections.heads import FRAMING, LONGEST_PATH, MOST_ESCAPES, MOST_LINES, Bound, HeadRefusedError, Heeded
from easel.ids import new_id

LARGEST_HEAD = 64 * 1024
"""Maximum number of bytes of a request's head. A request with a larger head is refused with 431."""
LARGEST_COOKIES = 192 * 1024
"""Number of further bytes that cookies may have, if cookies are ignored. The apps of one domain may set each other's
cookies."""

LINGER = 2.0
"""Seconds for which the bytes of a refused client are discarded, so that the client can read the refusal."""
_LINGER_BYTES = 1024 * 1024
_COOKIE = b"cookie:"

_VERSIONS = ("1.1", "1.0")
_SILENT_LOOKS = 2
_PIECE = 4 * 1024
_BODY_PIECE = 16 * 1024
"""Number of bytes that are parsed at once. This number limits the requests that wait, even if requests are very
small."""


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol for one connection, with limits against slow, idle and malformed clients."""

    heeded: Heeded = FRAMING
    """The request headers that this server reads. All other headers are ignored."""
    longest_query = LARGEST_HEAD
    """Maximum number of bytes of a request's query. A request with a longer query is refused with 414."""
    in_head = False
    """True if a request's head has begun and is not complete yet."""
    at_border = True
    """True if all requests that have begun are complete, so that the next bytes begin a new request."""
    begun = 0
    """Number of requests that have begun. The fast path sets this number to 0 before it parses bytes."""
    reads_over_cookies = False
    """True if cookies are ignored and counted separately from the rest of the head."""
    _head_bytes = 0
    _lines = 0
    _refused: HeadRefusedError | None = None
    _cookie_bytes = 0
    _line = b""
    """The first bytes of the last line of an unfinished head. These bytes show whether the line is a Cookie header."""
    _unheard = 0
    """Number of bytes that a refused client may still send. They are discarded."""
    _touched = False
    _silent_looks = 0
    _watch: asyncio.TimerHandle | None = None
    _owed = 0
    _read_on = False
    _unparsed = b""
    """Received bytes that are not parsed before earlier requests are answered."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.headers = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called when a client has connected."""
        super().connection_made(transport)
        self._touched = True
        self._watch = self.loop.call_later(self.timeout_keep_alive / 2, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the client has disconnected."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called with bytes that have arrived from the client."""
        if self._unheard:
            self._unheard -= len(data)
            if self._unheard <= 0:
                self.transport.abort()
            return
        if self._unparsed:
            # Reading has resumed because the application needs a body's bytes. Reading pauses again until the
            # application needs more.
            self._unparsed += data
            self.flow.pause_reading()
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if len(data) <= _PIECE:
            self._parse(data)
        else:
            self._parse_in_pieces(data)

    def _parse_in_pieces(self, data: bytes) -> None:
        """Parses until a request must wait for an earlier response. The remaining bytes stay unparsed."""
        at = 0
        view = memoryview(data)
        while at < len(data) and not self.pipeline:
            size = _PIECE if self.at_border or self.in_head else _BODY_PIECE
            if not self._parse(view[at : at + size]):
                return
            at += size
        self._unparsed = data[at:]
        if self._unparsed:
            self.flow.pause_reading()

    def _parse(self, data: bytes | memoryview) -> bool:
        """Parses the bytes. Returns true if the following bytes can still be requests."""
        begun = self.begun
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Upgrades are ignored. The request gets its usual response, and then the connection is closed.
            self._end_after_answers()
            return False
        except httptools.HttpParserError:
            refused = self._refused or HeadRefusedError(400, "The request cannot be read.")
            self._refuse(refused.status, refused.message)
            return False
        if self.in_head:
            self._count(bytes(data), begins=self.begun != begun)
            most = LARGEST_COOKIES if self.reads_over_cookies else LARGEST_HEAD - self._head_bytes
            if self._head_bytes > LARGEST_HEAD or self._cookie_bytes > most:
                self._refuse(431, "The head of the request is too large.")
                return False
        return True

    def _count(self, data: bytes, *, begins: bool) -> None:
        """Counts the bytes of an incomplete head, line by line. The bytes of cookies are counted separately."""
        lines = data.split(b"\n")
        if begins:
            # The first piece of a head may also hold the end of the earlier request.
            self._head_bytes = self._cookie_bytes = 0
            self._line = lines[-1][: len(_COOKIE)]
            return
        for number, line in enumerate(lines):
            self._line = ((b"" if number else self._line) + line[: len(_COOKIE)])[: len(_COOKIE)]
            size = len(line) + (number < len(lines) - 1)
            if self._line.lower() == _COOKIE:
                self._cookie_bytes += size
            else:
                self._head_bytes += size

    def on_response_complete(self) -> None:
        """Handles the end of a response. Parses the bytes that have arrived in the meantime, and resumes reading once
        none are left."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._unparsed = b""
            return
        if self._unparsed and not self.pipeline:
            data, self._unparsed = self._unparsed, b""
            self._unset_keepalive_if_required()
            self._parse_in_pieces(data)
        if self.pipeline or self._unparsed:
            self.flow.pause_reading()

    def on_message_begin(self) -> None:
        """Called when a request begins. Makes no scope yet, because the request may not need one."""
        self.url = b""
        self.headers = []
        self.begun += 1
        self._lines = 0
        self.in_head = True
        self.at_border = False
        self._touched = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called with a header of the request. Ignores trailers of a chunked body."""
        if self.in_head:
            self._lines += 1
            name = name.lower()
            bound = self.heeded.get(name)
            if bound is not None:
                self.headers.append((name, value if len(value) <= bound[0] else self._too_long(name, bound)))
            if self._lines > MOST_LINES:
                self.break_off(431, f"The request has more than {MOST_LINES} headers.")

    def _too_long(self, name: bytes, bound: Bound) -> bytes:
        """Returns an empty value instead of a header's value that is too long. Refuses the request if that header must
        not be shortened."""
        if bound.refused:
            self.break_off(431, f"The header {name.decode()} is longer than {bound.most} bytes.")
        return b""

    def break_off(self, status: int, message: str) -> NoReturn:
        """Refuses the request from a callback of the parser. The parser then stops parsing the client's bytes. Raises
        HeadRefusedError."""
        self._refused = HeadRefusedError(status, message)
        raise self._refused

    def on_message_complete(self) -> None:
        """Called when the request is complete, with its body."""
        self.at_border = True
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        """Called when the head is complete. Passes the request to the application."""
        if self.parser.get_http_version() not in _VERSIONS:
            self.break_off(400, "The request's HTTP version is neither 1.0 nor 1.1.")
        # Blanks around a value do not belong to it (RFC 9112 §5). The parser keeps blanks at the end.
        url, headers = self.url, [(name, value.rstrip(b" \t")) for name, value in self.headers]
        self._check_target(url)
        self.in_head = False
        if not url.startswith(b"/"):
            url, headers = _in_origin_form(url, headers)
            for name, value in headers[:1]:
                if len(value) > self.heeded[name].most:
                    self._too_long(name, self.heeded[name])
        super().on_message_begin()
        self.url = url
        self.headers = self.scope["headers"] = headers
        self.expect_100_continue = (b"expect", b"100-continue") in [(name, value.lower()) for name, value in headers]
        super().on_headers_complete()

    def _check_target(self, url: bytes) -> None:
        path, _, query = url.partition(b"?")
        if len(path) > LONGEST_PATH or path.count(b"%") > MOST_ESCAPES or len(query) > self.longest_query:
            self.break_off(414, "The address of the request is too long.")

    def eof_received(self) -> bool:  # type: ignore[override]
        """Handles a client that has closed its sending side. Returns true to keep the other direction open for pending
        responses."""
        if self._owes_answers():
            self._end_after_answers()
            return True
        return False

    def resume_writing(self) -> None:
        """Called when the client reads again."""
        self._read_on = True
        super().resume_writing()

    def _owes_answers(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end_after_answers(self) -> None:
        if self._owes_answers():
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        """Refuses the request and ends the connection. In a pipeline, pending responses are sent first. A browser whose
        cookies are too large is told to clear them (Clear Site Data §3.1), because it would be refused for ever
        otherwise."""
        if not self._owes_answers() and not self.transport.is_closing():
            content_type, text = self.refusal(status, message)
            defaults = (b"%b: %b\r\n" % header for header in self.server_state.default_headers)
            head = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n" % (content_type, len(text))
            if status == 431 and self.reads_over_cookies and self._cookie_bytes > self._head_bytes:
                head += b'clear-site-data: "cookies"\r\n'
            identity = b"x-request-id: %b\r\n\r\n" % new_id("req").encode()
            self.transport.write(b"".join((STATUS_LINE[status], *defaults, head, identity, text)))
            self._linger()
        else:
            self._end_after_answers()

    def _linger(self) -> None:
        """Sends nothing more, and discards received bytes for a moment (RFC 9112 §9.6). Closing a connection with
        unread bytes resets it, and the client may then lose the response."""
        self.at_border = False
        self._unheard = _LINGER_BYTES
        self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)

    def refusal(self, status: int, message: str) -> tuple[bytes, bytes]:
        """Returns the content type and body of the response that refuses a request."""
        return b"text/plain; charset=utf-8", f"{message}\n".encode()

    def _look(self) -> None:
        """Closes the connection of a client that neither sends nor reads for the keep-alive time. One timer serves many
        requests. It fires twice in that time, and counts the checks without activity."""
        unsent = self.transport.get_write_buffer_size()
        owed = unsent + _in_kernel(self.transport)
        stuck = unsent > 0 and owed == self._owed and not self._read_on
        # While the server prepares a response, the client may be silent. Between requests, uvicorn's own timer ends an
        # idle connection.
        idle = not (unsent or self._touched or self._owes_answers() or self.timeout_keep_alive_task is not None)
        self._silent_looks = self._silent_looks + 1 if stuck or idle else 0
        self._owed, self._read_on, self._touched = owed, False, False
        if self._silent_looks >= _SILENT_LOOKS and stuck:
            self.transport.abort()
        elif self._silent_looks >= _SILENT_LOOKS:
            self.transport.close()
        self._watch = self.loop.call_later(self.timeout_keep_alive / 2, self._look)


def _in_kernel(transport: asyncio.Transport) -> int:
    """Returns the number of sent bytes that the client has not acknowledged. For a slow reader, this number shrinks
    long before other signs of progress. If the system does not report the number, it differs every time, so that a
    reader never seems stuck."""
    try:
        answer = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, AttributeError):
        return -time.monotonic_ns()
    return int.from_bytes(answer, sys.byteorder)


def _in_origin_form(url: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Returns the request's target without scheme and host, and the headers with that host in the Host header (RFC 9112
    §3.2.2). If there are two Host headers, returns both arguments unchanged."""
    parsed = httptools.parse_url(url)
    if not parsed.host or sum(name == b"host" for name, _ in headers) > 1:
        return url, headers
    host = parsed.host if parsed.port is None else b"%b:%d" % (parsed.host, parsed.port)
    target = (parsed.path or b"/") + (b"?" + parsed.query if parsed.query else b"")
    return target, [(b"host", host), *(header for header in headers if header[0] != b"host")]
