"""The full way of a request, as an ASGI application: host → pointer → path → representation → answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry

from easel.bundles.inflate import CHUNK, DamagedDataError, raw
from easel.bundles.read import chunks, gzip_frame
from easel.edge.content import Content
from easel.edge.freshness import Freshness
from easel.edge.metrics import Counts, exposition
from easel.edge.pages import NO_VERSION, UNKNOWN_HOST, UNREADABLE, WELCOME
from easel.edge.routes import RouteTable
from easel.edge.sites import PREPARED_LARGEST, LiveSite, Prepared, Sites
from easel.errors import EaselError
from easel.ids import new_id
from easel.serving.models import Answer, File, Fixed, MissingAsset, Part, Request
from easel.serving.negotiate import acceptable
from easel.serving.resolve import fallback, resolve
from easel.serving.respond import answer_file, answer_fixed
from easel.storage.freshness import HOSTS_SLOT

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_UNREADABLE = (EaselError, DamagedDataError, OSError)


class EdgeApp:
    """Answers every request that the fast path leaves over."""

    def __init__(
        self,
        table: RouteTable,
        sites: Sites,
        content: Content,
        freshness: Freshness,
        counts: Counts,
        metrics: CollectorRegistry,
        *,
        domain: str,
    ) -> None:
        self._table = table
        self._sites = sites
        self._content = content
        self._freshness = freshness
        self._counts = counts
        self._metrics = metrics
        self._domain = domain.lower().strip(".")
        self._suffix = f".{self._domain}"
        self.ready = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        headers = dict(reversed(scope["headers"]))
        host = headers.get(b"host", b"")
        label = self.label(host)
        if label is None:
            answer = self._own_answer(scope, host)
            live = None
        else:
            answer, live = await self._answer(scope, headers, host, label)
        self._counts.answered(answer.status)
        await self._send(scope["method"], answer, live, send)

    def label(self, host: bytes) -> str | None:
        """The app's label in a Host header, or None for the platform's own names. Unknown names give ''."""
        name = host.decode("latin-1").lower()
        if name.startswith("["):
            return None
        name = name.rsplit(":", 1)[0].rstrip(".")
        if name == self._domain or name.replace(".", "").isdigit() or not name:
            return None
        if name.endswith(self._suffix):
            label = name[: -len(self._suffix)]
            return label if "." not in label else ""
        return None if name == "localhost" else ""

    async def _answer(
        self, scope: Scope, headers: dict[bytes, bytes], host: bytes, label: str
    ) -> tuple[Answer, LiveSite | None]:
        route = self._table.find(label) if label else None
        slot = route.app.slot if route is not None else HOSTS_SLOT
        if self._freshness.is_stale(slot):
            await self._freshness.settle(slot)
            route = self._table.find(label) if label else None
        self._sites.forget_outdated()
        if route is None:
            return answer_fixed(UNKNOWN_HOST), None
        request = _request(scope, headers)
        try:
            live = await self._sites.get(label, route)
            if live is None:
                return answer_fixed(NO_VERSION if route.version is None else UNKNOWN_HOST), None
            return await self._answer_site(live, request, headers, host), live
        except _UNREADABLE as error:
            self._counts.unreadable += 1
            logger.error("cannot read the files of %s: %s", label, error)
        except Exception:
            self._counts.unreadable += 1
            logger.exception("cannot serve %s", label)
        return answer_fixed(UNREADABLE), None

    async def _answer_site(self, live: LiveSite, request: Request, headers: dict[bytes, bytes], host: bytes) -> Answer:
        found = resolve(live.site, request)
        lasting = True
        if isinstance(found, MissingAsset):
            lasting = False
            earlier = await self._sites.earlier(live, found.path)
            if earlier is not None:
                self._counts.earlier += 1
            found = earlier or fallback(live.site, found.path, request)
        if isinstance(found, Fixed):
            return answer_fixed(found, live.site)
        # A fallback depends on what the client accepts, so it is not kept under its address.
        lasting = lasting and found.status == 200 and _names(found, request.target)
        ready = await self._sites.ready(live, found)
        answer = answer_file(live.site, found, ready, request)
        if lasting and answer.status == 200 and request.range is None and answer.length <= PREPARED_LARGEST:
            body = answer.body if isinstance(answer.body, bytes) else b"".join(await self._pieces(answer.body))
            self._keep(live, request, headers, host, answer, body)
            return Answer(answer.status, answer.headers, body, answer.length)
        return answer

    def _keep(
        self, live: LiveSite, request: Request, headers: dict[bytes, bytes], host: bytes, answer: Answer, body: bytes
    ) -> None:
        lines = [name + b": " + value + b"\r\n" for name, value in answer.headers]
        kept = [line for line in lines if not line.startswith((b"content-", b"accept-ranges"))]
        etag = next(value for name, value in answer.headers if name == b"etag")
        prepared = Prepared(
            head=b"HTTP/1.1 200 OK\r\n" + b"".join(lines),
            body=body,
            etag=etag,
            not_modified=b"HTTP/1.1 304 Not Modified\r\n" + b"".join(kept),
        )
        self._sites.keep(live, (request.target.encode("latin-1"), acceptable(request.accept_encoding)), prepared)
        self._sites.remember_host(host, live)

    async def _pieces(self, part: Part) -> list[bytes | memoryview]:
        return list(self._iterate(part, await self._content.bundle(part.source.manifest, part.member)))

    def _iterate(self, part: Part, bundle: memoryview) -> Iterator[bytes | memoryview]:
        if part.encoding == "gzip":
            header, trailer = gzip_frame(part.member)
            yield header
            data = raw(part.member, bundle)
            for at in range(0, len(data), CHUNK):
                yield bytes(data[at : at + CHUNK])
            yield trailer
        else:
            yield from chunks(part.member, bundle, part.start, part.stop)

    async def _send(self, method: str, answer: Answer, live: LiveSite | None, send: Send) -> None:
        headers = [*answer.headers, (b"x-request-id", new_id("req").encode())]
        body = answer.body
        pieces: Iterator[bytes | memoryview] = iter(())
        if isinstance(body, Part) and method != "HEAD":
            try:
                bundle = await self._content.bundle(body.source.manifest, body.member)
            except _UNREADABLE as error:
                self._counts.unreadable += 1
                logger.error("cannot read a bundle of %s: %s", live.site.slug if live else "?", error)
                await self._send(method, answer_fixed(UNREADABLE), None, send)
                return
            pieces = self._iterate(body, bundle)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if method == "HEAD" or isinstance(body, bytes):
            await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
            return
        for piece in pieces:
            await send({"type": "http.response.body", "body": bytes(piece), "more_body": True})
            # Inflating is work of this process: others get their turn between two pieces.
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b""})

    def _own_answer(self, scope: Scope, host: bytes) -> Answer:
        """What the edge answers under its own name: health, metrics, and a word to whoever looks."""
        path = scope["path"]
        if path == "/healthz":
            return answer_fixed(Fixed(200, b'{"status":"ok"}', "application/json", "no-store"))
        if path == "/readyz":
            healthy = self.ready and self._freshness.healthy
            body = b'{"status":"ok"}' if healthy else b'{"status":"serving what is known","database":"no answer"}'
            return answer_fixed(Fixed(200 if self.ready else 503, body, "application/json", "no-store"))
        if path == "/metrics":
            return answer_fixed(
                Fixed(200, exposition(self._metrics), "text/plain; version=1.0.0; charset=utf-8", "no-store")
            )
        return answer_fixed(WELCOME)


def _request(scope: Scope, headers: dict[bytes, bytes]) -> Request:
    def text(name: bytes) -> str | None:
        value = headers.get(name)
        return value.decode("latin-1") if value is not None else None

    query = scope["query_string"]
    target = scope["raw_path"].decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
    return Request(
        method=scope["method"],
        target=target,
        accept=text(b"accept"),
        accept_encoding=text(b"accept-encoding"),
        if_none_match=text(b"if-none-match"),
        if_modified_since=text(b"if-modified-since"),
        if_range=text(b"if-range"),
        range=text(b"range"),
        fetch_dest=text(b"sec-fetch-dest"),
    )


def _names(file: File, target: str) -> bool:
    """Whether the target itself leads to the file, whoever asks: not by way of a fallback."""
    path = target.partition("?")[0][1:]
    return file.path in (path, f"{path}index.html", f"{path}.html")
