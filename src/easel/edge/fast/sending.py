"""A connection on which the operating system sends bodies from files, without a copy."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from easel.connections.guarded import GuardedProtocol
from easel.edge.cache.mapped_body import MappedBody

_MORE_FOLLOWS: Final = getattr(socket, "MSG_MORE", 0)
_WITH_HEAD: Final = 16 * 1024
"""Number of bytes of a long body that are copied behind the head, before the system sends the file. Long bodies are
longer than this number and a page."""


class SendingProtocol(GuardedProtocol):
    """A connection that sends bodies from files. The system sends as much as the connection takes at once. The
    transport writes the rest from memory, as fast as the client reads. The transport also detects that a connection is
    broken."""

    _descriptor = -1
    """The descriptor of the connection's socket. It is negative until it is needed."""
    _socket: socket.socket | None = None
    """A socket with this descriptor, because the transport's own socket cannot send with flags."""
    _send: Callable[[bytes, int], int] | None = None
    """The method `send` of `_socket`."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the client has disconnected. Releases the socket that was used for sending."""
        if self._socket is not None:
            # The transport closes the descriptor of this socket.
            self._socket.detach()
            self._socket = self._send = None
        super().connection_lost(exc)

    def send_copied(self, head: bytes, body: MappedBody) -> None:
        """Sends the head of a response, and a body of some kibibytes in a file in memory, together in one packet."""
        transport, descriptor = self.transport, body.descriptor
        size = len(body.view)
        sent = at = 0
        # The transport is not closing, because a closing transport delivers no requests.
        if descriptor is not None and not transport.get_write_buffer_size():
            send = self._send or self._open_socket()
            # A `suppress` block would take longer to leave than this `try`.
            try:
                sent = send(head, _MORE_FOLLOWS)
                if sent == len(head):
                    at = os.sendfile(self._descriptor, descriptor, 0, size)
                    if at == size:
                        return
            except OSError:
                pass
        if sent < len(head):
            transport.write(head[sent:])
        transport.write(body.view[at:])

    def send_mapped(self, head: bytes, body: MappedBody) -> None:
        """Sends the head of a response, and then a long body in a memory-mapped file. The first kibibytes of the body,
        up to a page boundary, are sent together with the head."""
        transport, view = self.transport, body.view
        first, sent, at = head, 0, 0
        if body.descriptor is not None and not transport.get_write_buffer_size() and not transport.is_closing():
            send = self._send or self._open_socket()
            at = _WITH_HEAD + -body.at % 4096
            first = b"".join((head, view[:at]))
            with suppress(OSError):
                sent = send(first, _MORE_FOLLOWS)
                if sent == len(first):
                    at += os.sendfile(self._descriptor, body.descriptor, body.at + at, len(view) - at)
        if sent < len(first):
            transport.write(first[sent:])
        if at < len(view):
            transport.write(view[at:])
        if body.after:
            transport.write(body.after)

    def _open_socket(self) -> Callable[[bytes, int], int]:
        its = self.transport.get_extra_info("socket")
        self._descriptor = its.fileno()
        self._socket = socket.socket(its.family, its.type, its.proto, self._descriptor)
        self._send = self._socket.send
        return self._send
