"""The fast path: a prepared answer is written without an ASGI scope or a task. All other requests take the slow path.

The fast path bypasses uvicorn's request cycle, so it gives uvicorn's guarantees itself. It handles a request only if
the request is a plain GET or HEAD over HTTP/1.1 without a body, on a persistent connection. All earlier requests of the
connection must be answered (so that pipelined responses stay in order), and the client must be reading.
`connections/guarded.py` adds the protection that a server on the open internet needs.

A known head (`known_heads.py`) is not parsed again. A head becomes known only if its bytes arrived together, began at
the border between two requests, and contained exactly one request. If a short head repeats within a second, its
response is not built again either (`stamped.py`).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

from easel.connections.heads import VISITORS, Heeded
from easel.edge.cache.mapped_body import MappedBody
from easel.edge.fast.known_heads import KnownHead, KnownHeads
from easel.edge.fast.plain_request import PlainRequest, read
from easel.edge.fast.prepared import PreparedAnswer, Stamp
from easel.edge.fast.sending import SendingProtocol
from easel.edge.fast.stamped import StampedAnswer, StampedAnswers
from easel.edge.live import LiveSite
from easel.edge.routing.freshness import Freshness
from easel.edge.sites import Sites


class EdgeProtocol(SendingProtocol):
    """The fast path, which answers plain requests in front of uvicorn's protocol. Create a subclass for each edge
    process with `edge_protocol`."""

    heeded = VISITORS
    shared: Mapping[str, object] = {}
    """Attributes by name that all connections of an edge process share. Every connection copies them into its own
    attributes."""
    hosts: dict[bytes, LiveSite]
    view: memoryview[int]
    seen: array[int]
    stamp: Stamp
    identities: list[bytes]
    known: KnownHeads
    stamped: StampedAnswers
    stamped_by_head: dict[bytes, StampedAnswer]

    reads_over_cookies = True
    _last: StampedAnswer | None = None
    """The stamped response that the connection sent last. None if the connection was not free then, or has sent another
    response since then. The next request is probably equal, and comparing takes less time than a look-up."""
    _like: KnownHead | None = None
    """The known head (a head that needs no parsing) of the connection's last request."""
    _asked: PlainRequest | None = None
    _ready: PreparedAnswer | None = None
    _alone: PlainRequest | None = None
    """The only request in the current bytes so far. None if there are several, or if its response did not come from
    memory."""
    _borrowed: MappedBody | None = None
    """The body of the last response that was found, borrowed from another cache."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # The interpreter finds an attribute of an instance faster than an attribute of its class.
        self.__dict__.update(self.shared, at_border=True, _like=None, _last=None, _touched=False)

    def data_received(self, data: bytes) -> None:
        """Called with bytes from the client. Answers a request with a known head at once. Passes all other bytes to the
        parser."""
        stamped = self._last
        if stamped is not None:
            # Most of the work is inlined here, because function calls would take a third of the time.
            defaults = self.server_state.default_headers
            if stamped.defaults is not defaults or stamped.head != data:
                stamped = self.stamped_by_head.get(data)
                self._last = stamped = stamped if stamped is not None and stamped.defaults is defaults else None
            if stamped is not None and self.view[stamped.slot] == stamped.counter:
                identities = self.identities
                if not identities:
                    self.stamp.renew(defaults)
                self._touched = True
                stamped.repeats.times += 1
                first = stamped.before + identities.pop()
                body = stamped.body
                if body is None:
                    joined = stamped.joined
                    self.transport.write(first + joined if joined else first)
                elif isinstance(body, bytes):
                    self.transport.writelines((first, body))
                else:
                    self.send_copied(first, body)
                return
            self._last = None
        cycle = self.cycle
        # This is `_is_free`, inlined to save a call for each request.
        if not self.at_border or not (cycle is None or cycle.response_complete) or self.flow.write_paused:
            super().data_received(data)
            return
        like = self._like
        asked = None if like is None else like.read(data)
        is_whole = False
        if asked is None:
            known = self.known
            asked = known.whole.newer.get(data)
            is_whole = asked is not None
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
                if is_whole:
                    self._keep_stamped(data, asked, ready)
                return
        self.begun = 0
        self._alone = None
        super().data_received(data)
        if self._alone is not None and self.begun == 1 and self.at_border:
            self.known.learn(data, self._alone)

    def on_headers_complete(self) -> None:
        """Called when the parser has read a request's head. Finds the response in memory, or starts the slow path."""
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
        """Returns true if the connection has no pending response, and the client reads the bytes that are sent to
        it."""
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
        """Called with a part of a request's body. Does nothing on the fast path, whose requests have no body."""
        if self._ready is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Called when the parser has read a whole request. On the fast path, writes the prepared response."""
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
        if asked.condition is not None or ready.moved is not None or asked.head_only:
            before, status = _before_identity(stamp, asked, ready)
            tally.fast[status] += 1
            self.transport.write(before + identity)
            return
        tally.fast[200] += 1
        tally.single_sent += ready.size
        first = b"".join((stamp.changed, ready.head, identity, ready.joined))
        if ready.copied is not None:
            self.send_copied(first, ready.copied)
        elif ready.rest is None:
            self.transport.write(first)
        elif ready.rest:
            self.transport.writelines((first, ready.rest))
        else:
            body, self._borrowed = ready.mapped_body or self._borrowed, None
            assert body is not None
            self.send_mapped(first, body)

    def _keep_stamped(self, head: bytes, asked: PlainRequest, ready: PreparedAnswer) -> None:
        """Caches the response that was just sent as a stamped response, to be sent again for an equal head. A response
        whose body is in a memory-mapped file is not cached."""
        live, defaults = self.hosts.get(asked.host), self.stamp.defaults
        if live is None or defaults is None or ready.rest == b"" or not self.stamped.accepts(defaults):
            return
        if self.flow.write_paused:
            # The client does not read, so its next request must wait.
            return
        # The counter on the freshness page may be newer than at the moment when the response was found.
        freshness = live.slot, self.seen[live.slot]
        kept = self.stamped_by_head.get(head)
        if kept is not None and (kept.slot, kept.counter) == freshness:
            # Another connection has just sent the same response.
            self._last = kept
            return
        before, status = _before_identity(self.stamp, asked, ready)
        joined, body, size = b"", None, 0
        if status == 200 and not asked.head_only:
            joined, body, size = ready.joined, ready.copied or ready.rest, ready.size
        repeats = ready.tally.repeats(status, size)
        self._last = StampedAnswer(head, before, joined, body, freshness, defaults, ready.tally, repeats)
        self.stamped.keep(self._last)

    def pause_writing(self) -> None:
        """Called when the client reads too slowly. Ends the reuse of stamped responses until the connection is checked
        again."""
        self._last = None
        super().pause_writing()


def _before_identity(stamp: Stamp, asked: PlainRequest, ready: PreparedAnswer) -> tuple[bytes, int]:
    """Returns the head of a response up to the digits of its request id, and the status of the response."""
    if asked.condition is not None:
        return stamp.unchanged + ready.not_modified, 304
    if ready.moved is not None:
        return b"".join((ready.moved, stamp.lines, ready.head)), ready.status
    return stamp.changed + ready.head, 200


def edge_protocol(
    sites: Sites, freshness: Freshness, known: KnownHeads, heeded: Heeded = VISITORS
) -> type[EdgeProtocol]:
    """Creates the protocol class of one edge process. `heeded` are the headers that its connections read."""
    stamp = Stamp()
    shared = {
        "hosts": sites.by_host,
        "view": freshness.view,
        "seen": freshness.seen,
        "stamp": stamp,
        "identities": stamp.identities,
        "known": known,
        "stamped": sites.stamped,
        "stamped_by_head": sites.stamped.by_head,
    }
    return type("BoundEdgeProtocol", (EdgeProtocol,), {"heeded": heeded, "shared": shared})
