"""The fast path: a prepared answer is written before a scope or a task is made. All else goes the full way.

It writes past uvicorn's own request cycle, so it keeps uvicorn's promises itself: it only answers when no earlier
request of the connection is unanswered (pipelined answers stay in order), when the client reads what it is sent, and
only plain GET and HEAD requests over HTTP/1.1 that neither carry a body nor ask for the connection to be closed.
"""

from __future__ import annotations

import secrets
from asyncio import AbstractEventLoop, TimerHandle
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from easel.edge.freshness import Freshness
from easel.edge.metrics import Counts
from easel.edge.sites import Prepared, Sites
from easel.serving.negotiate import acceptable

_FULL_WAY = frozenset(
    {
        b"range",
        b"if-range",
        b"if-modified-since",
        b"if-match",
        b"if-unmodified-since",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"upgrade",
    }
)
_acceptable_raw: dict[bytes | None, object] = {}
_REQUEST_PREFIX = secrets.token_hex(4).encode()


class EdgeProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with the fast path in front. Make subclasses with `edge_protocol`."""

    sites: Sites
    freshness: Freshness
    counts: Counts

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._ready: Prepared | None = None
        self._unchanged = False
        self._head_only = False
        self._idle_timer: TimerHandle | None = None
        self._last_fast = 0.0
        self._date_of: object = None
        self._date = b""

    def on_message_begin(self) -> None:
        """A request begins. The scope is made only once it is known to be needed."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """The request's head is complete: it is answered from memory, or goes the full way."""
        if (self.cycle is None or self.cycle.response_complete) and not self.pipeline and not self.flow.write_paused:
            method = self.parser.get_method()
            if (method == b"GET" or method == b"HEAD") and self.parser.get_http_version() == "1.1":
                self._ready = self._find()
                if self._ready is not None:
                    self._head_only = method == b"HEAD"
                    return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers = self.scope["headers"] = headers
        super().on_headers_complete()

    def _find(self) -> Prepared | None:
        host = encoding = condition = None
        for name, value in self.headers:
            if name == b"host":
                if host is not None:
                    return None
                host = value
            elif name == b"accept-encoding":
                if encoding is not None:
                    return None
                encoding = value
            elif name == b"if-none-match":
                condition = value
            elif name in _FULL_WAY or (name == b"connection" and value.lower() != b"keep-alive"):
                return None
        live = self.sites.by_host.get(host) if host is not None else None
        if live is None:
            return None
        freshness = self.freshness
        if freshness.view[live.slot] != freshness.seen[live.slot]:
            return None
        accepted = _acceptable_raw.get(encoding)
        if accepted is None:
            if len(_acceptable_raw) > 1024:
                _acceptable_raw.clear()
            accepted = acceptable(encoding.decode("latin-1") if encoding is not None else None)
            _acceptable_raw[encoding] = accepted
        ready = live.prepared.get((self.url, accepted))
        if ready is None or (condition is not None and condition != ready.etag):
            return None
        self._unchanged = condition is not None
        return ready

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
        request_id = b"x-request-id: req_%b%010x\r\n\r\n" % (_REQUEST_PREFIX, counts.fast)
        if self._unchanged:
            self.transport.write(b"".join((ready.not_modified, self._date_line(), request_id)))
        elif self._head_only:
            self.transport.write(b"".join((ready.head, self._date_line(), request_id)))
        else:
            self.transport.write(b"".join((ready.head, self._date_line(), request_id, ready.body)))
        self.server_state.total_requests += 1
        self._last_fast = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._idle)

    def _date_line(self) -> bytes:
        """The Date header, which uvicorn renews every second."""
        headers = self.server_state.default_headers
        if headers is not self._date_of:
            self._date = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
            self._date_of = headers
        return self._date

    def _idle(self) -> None:
        """Closes a kept-alive connection that has been silent for long enough; one timer serves many requests."""
        self._idle_timer = None
        if self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
            return
        silent = self.loop.time() - self._last_fast
        if silent >= self.timeout_keep_alive:
            if self.timeout_keep_alive_task is None:
                self.transport.close()
        else:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive - silent, self._idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        super().connection_lost(exc)


def edge_protocol(sites: Sites, freshness: Freshness, counts: Counts) -> type[EdgeProtocol]:
    """The protocol class for one edge process."""
    return type("BoundEdgeProtocol", (EdgeProtocol,), {"sites": sites, "freshness": freshness, "counts": counts})
