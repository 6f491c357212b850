"""The fast path: a prepared answer is written without an ASGI scope or a task. All other requests take the slow path.

The fast path bypasses uvicorn's request cycle, so it gives uvicorn's guarantees itself. It handles a request only if
the request is a plain GET or HEAD over HTTP/1.1 without a body, on a persistent connection. All earlier requests of the
connection must be answered (so that pipelined responses stay in order), and the client must be reading.
`connections/guarded.py` adds the protection that a server on the open internet needs.

A known head (`known_heads.py`) is not parsed again. A head becomes known only if its bytes arrived together, began at
the border between two requests, and contained exactly one request.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from easel.connections.guarded import GuardedProtocol
from easel.connections.heads import VISITORS, Heeded
from easel.edge.cache.mapped_body import MappedBody
from easel.edge.fast.known_heads import KnownHead, KnownHeads
from easel.edge.fast.plain_request import PlainRequest, read
from easel.edge.fast.prepared import PreparedAnswer, Stamp
from easel.edge.live import LiveSite
from easel.edge.routing.freshness import Freshness
from easel.edge.sites import Sites


class EdgeProtocol(GuardedProtocol):
    """The fast path in front of uvicorn's protocol. Make subclasses with `edge_protocol`."""

    heeded = VISITORS
    shared: Mapping[str, object] = {}
    """Attributes of every connection, which all connections of an edge share, by name."""
    hosts: dict[bytes, LiveSite]
    view: memoryview[int]
    seen: array[int]
    stamp: Stamp
    known: KnownHeads

    reads_over_cookies = True
    _like: KnownHead | None = None
    """The known head of the connection's last request."""
    _asked: PlainRequest | None = None
    _ready: PreparedAnswer | None = None
    _alone: PlainRequest | None = None
    """The only request in the current bytes so far, if its response came from memory."""
    _borrowed: MappedBody | None = None
    """The borrowed body of the last response that was found."""
    _descriptor = -1
    """The descriptor of the connection's socket, or a negative number until the descriptor is needed."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # The interpreter finds attributes of an instance faster than attributes of its class.
        self.__dict__.update(self.shared, at_border=True, _like=None)

    def data_received(self, data: bytes) -> None:
        """Called with bytes from the client. Answers a request with a known head at once, and parses all other
        requests."""
        cycle = self.cycle
        # This is `_is_free`, inlined to save a call for each request.
        if not self.at_border or not (cycle is None or cycle.response_complete) or self.flow.write_paused:
            super().data_received(data)
            return
        like = self._like
        asked = None if like is None else like.read(data)
        if asked is None:
            known = self.known
            asked = known.whole.newer.get(data)
            if asked is None:
                asked = known.read(data)
                self._like = known.found
        if asked is not None:
            ready = self._find(asked)
            if ready is not None:
                self._touched = True
                if self.timeout_keep_alive_task is not None:
                    self._unset_keepalive_if_required()
                self._answer(asked, ready)
                return
        self.begun = 0
        self._alone = None
        super().data_received(data)
        if self._alone is not None and self.begun == 1 and self.at_border:
            self.known.learn(data, self._alone)

    def on_headers_complete(self) -> None:
        """Called when the request's head is complete. Answers the request from memory, or starts the slow path."""
        if self._is_free():
            method = self.parser.get_method()
            if (method == b"GET" or method == b"HEAD") and self.parser.get_http_version() == "1.1":
                asked = read(self.url, self.headers, head_only=method == b"HEAD")
                self._ready = None if asked is None else self._find(asked)
                if self._ready is not None:
                    self._asked = asked
                    self.in_head = False
                    return
        super().on_headers_complete()

    def _is_free(self) -> bool:
        """Returns true if no response is pending, and the client reads."""
        return (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused

    def _find(self, asked: PlainRequest) -> PreparedAnswer | None:
        live = self.hosts.get(asked.host)
        if live is None:
            return None
        slot = live.slot
        if self.view[slot] != self.seen[slot]:
            return None
        ready = live.prepared.get(asked.key)
        if ready is None:
            ready = live.by_pattern.get(asked.key)
            if ready is None:
                return None
        condition = asked.condition
        if ready.moved is not None:
            return None if asked.has_query or condition is not None else ready
        if condition is not None:
            return ready if condition == ready.etag else None
        if ready.borrow is not None and not asked.head_only:
            self._borrowed = ready.borrow()
            return None if self._borrowed is None else ready
        return ready

    def on_body(self, body: bytes) -> None:
        """Called with a part of a body. Does nothing on the fast path, because its requests have no body."""
        if self._ready is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Called when the request is complete. Writes the prepared response."""
        ready, asked = self._ready, self._asked
        if ready is None or asked is None:
            super().on_message_complete()
            return
        self._ready = self._asked = None
        self.at_border = True
        if not self.transport.is_closing():
            self._alone = asked
            self._answer(asked, ready)

    def _answer(self, asked: PlainRequest, ready: PreparedAnswer) -> None:
        stamp, tally = self.stamp, ready.tally
        # Each response takes an id from this list, which needs no function call.
        identities = stamp.identities
        if not identities or self.server_state.default_headers is not stamp.defaults:
            stamp.renew(self.server_state.default_headers)
        identity = identities.pop()
        if asked.condition is not None:
            tally.fast_304 += 1
            self._write(b"".join((stamp.unchanged, identity, ready.not_modified)))
            return
        if ready.moved is not None:
            tally.fast_moved[ready.status] += 1
            self._write(b"".join((ready.moved, stamp.lines, identity, ready.head)))
            return
        tally.fast_200 += 1
        if asked.head_only:
            self.transport.write(b"".join((stamp.changed, identity, ready.head)))
            return
        tally.sent += ready.size
        if ready.rest is None:
            self._write(b"".join((stamp.changed, identity, ready.first)))
        elif ready.rest:
            self.transport.writelines((b"".join((stamp.changed, identity, ready.first)), ready.rest))
        else:
            body, self._borrowed = ready.mapped_body or self._borrowed, None
            assert body is not None
            self._send_mapped(b"".join((stamp.changed, identity, ready.first)), body)

    def _write(self, data: bytes) -> None:
        """Sends at once as much as the connection takes. The transport writes the rest, as fast as the client reads.

        The transport reaches the same system call by more code, which takes a twentieth of the time of a small
        response.
        """
        transport = self.transport
        sent = 0
        if not transport.get_write_buffer_size() and not transport.is_closing():
            if self._descriptor < 0:
                self._descriptor = transport.get_extra_info("socket").fileno()
            try:
                sent = os.write(self._descriptor, data)
            except OSError:
                # The transport itself detects that a connection is broken.
                sent = 0
            if sent == len(data):
                return
        transport.write(data[sent:])

    def _send_mapped(self, head: bytes, body: MappedBody) -> None:
        """Sends a body from a mapped file. The system sends as much from the file as the connection takes at once. The
        transport writes the rest from memory, as fast as the client reads."""
        transport, view = self.transport, body.view
        at = -body.at % 4096
        first = b"".join((head, view[:at])) if at else head
        sent = 0
        if body.descriptor is not None and not transport.get_write_buffer_size() and not transport.is_closing():
            if self._descriptor < 0:
                self._descriptor = transport.get_extra_info("socket").fileno()
            # The transport itself detects that a connection is broken.
            with suppress(OSError):
                sent = os.write(self._descriptor, first)
                if sent == len(first):
                    at += os.sendfile(self._descriptor, body.descriptor, body.at + at, len(view) - at)
        if sent < len(first):
            transport.write(first[sent:])
        if at < len(view):
            transport.write(view[at:])
        if body.after:
            transport.write(body.after)


def edge_protocol(
    sites: Sites, freshness: Freshness, known: KnownHeads, heeded: Heeded = VISITORS
) -> type[EdgeProtocol]:
    """Returns the protocol class for one edge process, and the headers that it reads."""
    shared = {
        "hosts": sites.by_host,
        "view": freshness.view,
        "seen": freshness.seen,
        "stamp": Stamp(),
        "known": known,
    }
    return type("BoundEdgeProtocol", (EdgeProtocol,), {"heeded": heeded, "shared": shared})
