"""The slow path of a request, as an ASGI application. It finds the app of the host, then the file of the path and the
encoding to send, and builds the response."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from msgspec.structs import replace

from easel.bundles.inflate import DamagedDataError
from easel.connections.private import Readiness
from easel.edge.asgi_request import Fields, Scope, request_of
from easel.edge.cache.content import Content, pieces
from easel.edge.cache.watched_store import EdgeStore
from easel.edge.fast.prepared import (
    COPIED_SMALLEST,
    MAPPED_LARGEST,
    PREPARED_LARGEST,
    PreparedAnswer,
    code_of,
    prepare,
    prepare_mapped,
    prepare_redirect,
)
from easel.edge.live import LiveSite
from easel.edge.pages import BAD_HOST, NO_VERSION, UNKNOWN_HOST, UNREADABLE, WELCOME
from easel.edge.recorder import Recorder, Tally
from easel.edge.routing.freshness import Freshness
from easel.edge.routing.table import RouteTable
from easel.edge.sites import Sites
from easel.errors import EaselError
from easel.ids import new_id
from easel.serving.chain import SERVING, Decision, Undecided
from easel.serving.models import Answer, BundleSlice, DeferredBody, File, FixedAnswer, Request, Site
from easel.serving.negotiate import acceptable
from easel.serving.respond import Representations, answer_file, answer_fixed
from easel.serving.variants import CODINGS
from easel.serving.workers import LEAVING_WORKER, asks_for_worker

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_READ_AT_ONCE = 1024 * 1024
"""Maximum size in bytes of a file that is read as a whole when a small part is requested."""

_UNREADABLE = (EaselError, DamagedDataError, OSError)


class EdgeApp:
    """The ASGI application for visitors' requests. It answers every request that the fast path, which sends responses
    from memory, leaves to it."""

    def __init__(
        self,
        table: RouteTable,
        sites: Sites,
        content: Content,
        store: EdgeStore,
        freshness: Freshness,
        recorder: Recorder,
        *,
        domain: str,
        scheme: str = "http",
        read: Fields,
    ) -> None:
        self._scheme = scheme
        self._read = read
        self._table = table
        self._sites = sites
        self._content = content
        self._store = store
        self._freshness = freshness
        self._recorder = recorder
        self._domain = domain.lower().strip(".")
        self._suffix = f".{self._domain}"
        self.ready = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one HTTP request: an app's response, or the edge's own response if the host belongs to no app."""
        if scope["type"] != "http":
            return
        tally = self._recorder.no_app
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) > 1 or (not hosts and scope["http_version"] == "1.1"):
            # RFC 9112 §3.2: a request with an invalid host gets 400, because two readers might take its host for
            # different hosts.
            answer = answer_fixed(BAD_HOST)
        else:
            host = hosts[0] if hosts else b""
            name = _name(host)
            label = self.label(name)
            if label is None:
                answer = self._own_answer(scope["path"])
            else:
                answer, tally = await self._answer(label, host, request_of(scope, name, self._scheme, self._read))
        await self._send(scope["method"], answer, tally, receive, send)

    def label(self, name: str) -> str | None:
        """Returns the part of a host name before the apps' domain, such as `staging-shop`. Returns None for the
        platform's own names, and '' for names outside the domain."""
        if name.startswith("["):
            return None
        if name == self._domain or name.replace(".", "").isdigit() or not name:
            return None
        if name.endswith(self._suffix):
            label = name[: -len(self._suffix)]
            return label if "." not in label else ""
        return None if name == "localhost" else ""

    async def _answer(self, label: str, host: bytes, request: Request) -> tuple[Answer, Tally]:
        slot = self._table.slot(label)
        if self._freshness.is_stale(slot):
            await self._freshness.settle(slot)
        route = self._table.find(label)
        if route is None:
            return _nothing(UNKNOWN_HOST, request), self._recorder.no_app
        tally = self._recorder.of(route.app.app_id)
        try:
            live = await self._sites.get(label, route)
            if live is None:
                return _nothing(NO_VERSION if route.version is None else UNKNOWN_HOST, request), tally
            try:
                return await self._answer_site(live, request, host), tally
            except DamagedDataError as error:
                self._evict_damaged(live.site, error)
                raise
        except _UNREADABLE as error:
            logger.error("cannot read the files of %s: %s", label, error)
            if route.version is not None:
                self._sites.forget_version(label, route.app.app_id, route.version)
        except Exception:
            logger.exception("cannot serve %s", label)
        self._recorder.unreadable += 1
        return answer_fixed(UNREADABLE), tally

    async def _answer_site(self, live: LiveSite, request: Request, host: bytes) -> Answer:
        decided = SERVING.decide(live.site, request)
        decision = decided if isinstance(decided, Decision) else await self._look_up(live, request, decided)
        file = decision.found
        if isinstance(file, FixedAnswer):
            answer = decision.finish(live.site, request, answer_fixed(file))
            if decision.is_lasting_redirect(live.site, request):
                key = (request.target.encode("latin-1"), code_of(acceptable(request.accept_encoding)))
                prepared = prepare_redirect(answer, self._recorder.of(live.app.app_id))
                self._sites.keep(live, host, key, prepared, of_pattern=file.of_pattern)
            return answer
        ready = await self._sites.ready(live, file, request)
        answer = decision.finish(live.site, request, answer_file(live.site, file, ready, request))
        if decision.is_lasting(live.site, request):
            return await self._keep(live, decision, file, ready, request, answer, host)
        return answer

    async def _look_up(self, live: LiveSite, request: Request, decided: Undecided) -> Decision:
        """Fetches the file that a stage of the chain has requested, and returns the chain's decision about the
        request."""
        while True:
            given = await self._sites.earlier(live, decided.need.what.path)
            if given is not None:
                self._recorder.earlier += 1
            following = SERVING.resume(decided, live.site, request, given)
            if isinstance(following, Decision):
                return following
            decided = following

    async def _keep(
        self,
        live: LiveSite,
        decision: Decision,
        file: File,
        ready: Representations,
        request: Request,
        answer: Answer,
        host: bytes,
    ) -> Answer:
        """Caches the response to an equal GET without conditions and ranges for the fast path, if the response is small
        enough. Returns `answer`, the response to this request. It contains the body if the body was read."""
        accepted = code_of(acceptable(request.accept_encoding))
        key = (request.target.partition("?")[0].encode("latin-1"), accepted)
        prepared = live.prepared.get(key)
        if prepared is None:
            whole = answer
            if answer.status != 200:
                plain = Request("GET", request.target, accept_encoding=request.accept_encoding)
                whole = decision.finish(live.site, plain, answer_file(live.site, file, ready, plain))
            if isinstance(whole.body, DeferredBody):
                return answer
            if whole.length > PREPARED_LARGEST:
                prepared = await self._mapped_answer(live, file, ready, whole)
                if prepared is not None:
                    self._sites.keep(live, host, key, prepared)
                return answer
            body = await self._body(whole)
            page = ready if live.pages.get(file.path) is ready else None
            # The content cache already holds the bodies of pages in memory.
            copied = self._content.copied(body) if page is None and len(body) >= COPIED_SMALLEST else None
            prepared = prepare(whole, body, self._recorder.of(live.app.app_id), page, copied)
            if whole is answer:
                answer = replace(answer, body=body)
        self._sites.keep(live, host, key, prepared)
        return answer

    async def _mapped_answer(
        self, live: LiveSite, file: File, ready: Representations, answer: Answer
    ) -> PreparedAnswer | None:
        """Returns the prepared answer (the bytes for the fast path) of a response whose body is in a memory-mapped
        file. Returns None if the body is in no such file."""
        if answer.length > MAPPED_LARGEST:
            return None
        borrow = None
        if isinstance(answer.body, BundleSlice):
            body, borrow = await self._content.mapped_body(answer.body), self._content.inflated.borrow(answer.body)
        else:
            coding = next((one for one in CODINGS if ready.bodies.get(one) is answer.body), None)
            if coding is None or live.variants is None or file.source is not live.site:
                return None
            body = await self._content.mapped_variant(live.variants, file.member, coding)
        if body is None and borrow is None:
            return None
        if body is not None and body.length != answer.length:
            raise DamagedDataError("the length of a file in the object store differs from its recorded length")
        return prepare_mapped(answer, body, self._recorder.of(live.app.app_id), borrow)

    async def _body(self, answer: Answer) -> bytes:
        part = answer.body
        assert not isinstance(part, DeferredBody)
        if not isinstance(part, BundleSlice):
            return bytes(part)
        body = b"".join(pieces(part, await self._content.bundle(part.source.manifest, part.member)))
        if len(body) != answer.length:
            raise DamagedDataError("the length of a file in the object store differs from its recorded length")
        return body

    async def _send(self, method: str, answer: Answer, tally: Tally, receive: Receive, send: Send) -> None:
        body, kept = answer.body, None
        if isinstance(body, BundleSlice) and method != "HEAD":
            source = body.source
            try:
                if answer.length <= PREPARED_LARGEST and body.member.size <= _READ_AT_ONCE:
                    body = await self._body(answer)
                elif kept := await self._content.cached_inflated(body):
                    body = memoryview(kept.bodies["identity"])[body.start : body.stop]
                else:
                    # The first bytes are read before the status is sent, because an error can still change the status.
                    await self._content.bundle(source.manifest, body.member, body)
            except _UNREADABLE as error:
                self._recorder.unreadable += 1
                logger.error("cannot read a bundle: %s", error)
                self._evict_damaged(source, error)
                answer, body = answer_fixed(UNREADABLE), UNREADABLE.body
        tally.answered(
            answer.status, 0 if method == "HEAD" or isinstance(body, BundleSlice | DeferredBody) else len(body)
        )
        headers = [*answer.headers, (b"x-request-id", new_id("req").encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        assert not isinstance(body, DeferredBody)
        if isinstance(body, BundleSlice):
            await self._stream(body, answer.length, tally, receive, send)
        else:
            # Each piece is a separate copy, so that an unread piece keeps no other piece in memory.
            last = (len(body) - 1) // PREPARED_LARGEST * PREPARED_LARGEST if body else 0
            for at in range(0, last, PREPARED_LARGEST):
                piece = bytes(body[at : at + PREPARED_LARGEST])
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": bytes(body[last:])})

    async def _stream(self, part: BundleSlice, length: int, tally: Tally, receive: Receive, send: Send) -> None:
        """Sends a response body in pieces, no faster than the client reads. Stops when the client has disconnected."""
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            async for piece in self._content.stream(part):
                if piece:
                    length -= len(piece)
                    tally.single_sent += len(piece)
                    # The last piece is marked as the last, because the client may send its next request right after it.
                    await send({"type": "http.response.body", "body": piece, "more_body": length > 0})
                # Inflating takes this process's time, so other tasks run between two pieces.
                await asyncio.sleep(0)
                if gone.done():
                    return
        except _UNREADABLE as error:
            # The status is sent already, so the only remaining signal is an early end.
            self._recorder.unreadable += 1
            logger.error("a file of %s cannot be read to its end: %s", part.source.slug, error)
            self._evict_damaged(part.source, error)
        finally:
            gone.cancel()

    def _evict_damaged(self, source: Site, error: BaseException) -> None:
        """Evicts the bundles of a site from the cache if the error says that they are damaged. They are then read from
        the store again. After any other error, such as an unreachable store, the bundles stay cached."""
        if isinstance(error, DamagedDataError):
            self._content.forget_bundles(source.manifest)

    def _own_answer(self, path: str) -> Answer:
        """Returns the response at the platform's own host: the health, the readiness, or a short page."""
        if path == "/healthz":
            return answer_fixed(FixedAnswer(200, b'{"status":"ok"}', "application/json", "no-store"))
        if path == "/readyz":
            found = self.readiness()
            return answer_fixed(FixedAnswer(found.code, found.to_json(in_detail=False), "application/json", "no-store"))
        return answer_fixed(WELCOME)

    def readiness(self) -> Readiness:
        """Returns whether this edge can serve visitors, with the names of the unreachable parts (`database`,
        `objects`). An edge with unreachable parts stays ready, because it serves the routes and files that it has
        cached."""
        parts = {"database": self._freshness.healthy, "objects": self._store.look()}
        missing = {name: "no response" for name, answers in parts.items() if not answers}
        status = "serving from the routes in memory" if missing else "ok"
        return Readiness(self.ready, status if self.ready else "not ready", missing)


def _name(host: bytes) -> str:
    """Returns the host name in the value of a Host header, in lower case, without the port and a final dot."""
    name = host.decode("latin-1").lower()
    return name if name.startswith("[") else name.rsplit(":", 1)[0].rstrip(".")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _nothing(page: FixedAnswer, request: Request) -> Answer:
    """Returns the response of a host that serves no version. If a browser requests the script of a service worker that
    the host's former app installed, the response removes this worker. Otherwise, the response is `page`."""
    return answer_fixed(LEAVING_WORKER if asks_for_worker(request) else page)
