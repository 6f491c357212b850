"""The fast path: a prepared answer is written before a scope or a task is made. All else goes the full way.

It writes past uvicorn's own request cycle, so it keeps uvicorn's promises itself: it only answers when no earlier
request of the connection is unanswered (pipelined answers stay in order), when the client reads what it is sent, and
only plain GET and HEAD requests over HTTP/1.1 that neither carry a body nor ask for the connection to be closed.
Where uvicorn promises less than a server on the open internet must, `edge/connection.py` adds it.
"""

from __future__ import annotations

from typing import Final

from easel.edge.connection import GuardedProtocol, request_id_line
from easel.edge.freshness import Freshness
from easel.edge.metrics import Counts
from easel.edge.prepared import Prepared
from easel.edge.sites import Sites
from easel.serving.models import Encoding
from easel.serving.negotiate import LONGEST_KEPT, acceptable

_HOST, _ENCODING, _CONDITION, _CONNECTION, _FULL_WAY = range(1, 6)
_MATTERS: Final[dict[bytes, int]] = {
    b"host": _HOST,
    b"accept-encoding": _ENCODING,
    b"if-none-match": _CONDITION,
    b"connection": _CONNECTION,
    **dict.fromkeys(
        (
            b"range",
            b"if-range",
            b"if-modified-since",
            b"if-match",
            b"if-unmodified-since",
            b"content-length",
            b"transfer-encoding",
            b"expect",
            b"upgrade",
        ),
        _FULL_WAY,
    ),
}
_MOST_REMEMBERED = 1024


class EdgeProtocol(GuardedProtocol):
    """The fast path in front of uvicorn's protocol. Make subclasses with `edge_protocol`."""

    sites: Sites
    freshness: Freshness
    counts: Counts
    accepted: dict[bytes | None, tuple[Encoding, ...]]

    _ready: Prepared | None = None
    _unchanged = False
    _head_only = False
    _date_of: object = None
    _date = b""

    def on_headers_complete(self) -> None:
        """The request's head is complete: it is answered from memory, or goes the full way."""
        if (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused:
            method = self.parser.get_method()
            if method == b"GET" or method == b"HEAD":
                ready = self._find()
                if ready is not None and self.parser.get_http_version() == "1.1":
                    self._ready = ready
                    self._head_only = method == b"HEAD"
                    self.in_head = False
                    return
        super().on_headers_complete()

    def _find(self) -> Prepared | None:
        host = encoding = condition = None
        for name, value in self.headers:
            matters = _MATTERS.get(name)
            if matters is None:
                continue
            if matters == _HOST and host is None:
                host = value
            elif matters == _ENCODING and encoding is None:
                encoding = value
            elif matters == _CONDITION and condition is None:
                condition = value
            elif matters != _CONNECTION or value.lower() != b"keep-alive":
                return None
        live = self.sites.by_host.get(host) if host is not None else None
        if live is None:
            return None
        freshness = self.freshness
        if freshness.view[live.slot] != freshness.seen[live.slot]:
            return None
        accepted = self.accepted.get(encoding)
        if accepted is None:
            accepted = self._accepted(encoding)
        path = self.url
        if b"?" in path:
            path = path.partition(b"?")[0]
        ready = live.prepared.get((path, accepted))
        if ready is None:
            return None
        if condition is None:
            self._unchanged = False
        elif condition == ready.etag:
            self._unchanged = True
        else:
            return None
        return ready

    def _accepted(self, encoding: bytes | None) -> tuple[Encoding, ...]:
        parsed = acceptable(encoding.decode("latin-1") if encoding is not None else None)
        if encoding is None or len(encoding) <= LONGEST_KEPT:
            if len(self.accepted) >= _MOST_REMEMBERED:
                self.accepted.clear()
            self.accepted[encoding] = parsed
        return parsed

    def on_body(self, body: bytes) -> None:
        """Part of a body. Requests on the fast path have none."""
        if self._ready is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete: what was found for it is written."""
        ready = self._ready
        if ready is None:
            super().on_message_complete()
            return
        self._ready = None
        if self.transport.is_closing():
            return
        counts = self.counts
        counts.fast += 1
        defaults = self.server_state.default_headers
        if defaults is not self._date_of:
            self._renew_date(defaults)
        end = request_id_line(counts.fast)
        if self._unchanged:
            self.transport.write(b"".join((ready.not_modified, self._date, end)))
        elif self._head_only:
            self.transport.write(b"".join((ready.head, self._date, end)))
        else:
            self.transport.write(b"".join((ready.head, self._date, end, ready.body)))
        self.server_state.total_requests += 1

    def _renew_date(self, defaults: list[tuple[bytes, bytes]]) -> None:
        """Takes over the Date header, which uvicorn makes anew every second."""
        self._date = b"".join(name + b": " + value + b"\r\n" for name, value in defaults)
        self._date_of = defaults


def edge_protocol(sites: Sites, freshness: Freshness, counts: Counts) -> type[EdgeProtocol]:
    """The protocol class for one edge process."""
    bound = {"sites": sites, "freshness": freshness, "counts": counts, "accepted": {}}
    return type("BoundEdgeProtocol", (EdgeProtocol,), bound)
