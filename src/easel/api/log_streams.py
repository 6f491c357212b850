"""Log streams: a deploy's log as server-sent events, and the fast path that opens them.

A client may open a hundred streams at once. The fast path opens a stream without router, transaction and the
framework's checks. Every request that is not plainly valid takes the slow path, which reports the error.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import psycopg
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import EventSourceResponse
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from easel.access.errors import AuthenticationRequiredError, RateLimitedError
from easel.access.service import bearer
from easel.api.http.context import Services
from easel.api.http.errors import error_answer
from easel.api.http.gate import LOG_STREAM
from easel.deploys.log_news import MOST_LINES, LogLine, LogNews, LogPlace, read_news
from easel.storage.turns import Turn

logger = logging.getLogger(__name__)

HEARTBEAT = 15
"""Seconds between two comment lines of a silent log stream."""
FIRST_LOOK, NEXT_LOOKS = 1, 5
"""Seconds without a notification after which a stream polls for news: the first time, and later."""
_DONE = b"event: done\ndata: {}\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class _NamedRoute:
    """A route that gives log streams on the fast path their name in the metrics. The framework does not route these
    requests."""

    path = "/v1/apps/{app_id}/deploys/{deploy_id}/logs/stream"


class LogStreams:
    """ASGI middleware for the requests of log streams, inside the gate (`http/gate.py`)."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request for a log stream, or passes the request on."""
        place = _asked(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        answer = await self._answer(scope["state"]["whose"], place) if place is not None else None
        if answer is None:
            await self.app(scope, receive, send)
        else:
            scope["route"] = _NamedRoute
            await answer(scope, receive, send)

    async def _answer(self, organisation: str, place: LogPlace) -> Response | None:
        services = self._services
        log = FollowedLog(services, organisation, place)
        try:
            with services.fairness.plain(organisation):
                news = await log.look()
        except (psycopg.Error, SQLAlchemyError, OSError) as error:
            logger.warning("the slow path opens a log stream because of an error: %s", error or type(error).__name__)
            return None
        if news is None:
            return None
        try:
            services.limiter.count(news.org_id)
        except RateLimitedError as error:
            return error_answer(error)
        services.fairness.asks(news.org_id)
        return log.answer(news)


def _asked(scope: Scope) -> LogPlace | None:
    """Returns the position from which a request reads a deploy's log, if the request is valid beyond doubt. Returns
    None for any other request, which takes the slow path."""
    address = LOG_STREAM.fullmatch(scope["path"])
    if address is None or not scope["state"]["whose"]:
        return None
    headers: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name, value.decode("latin-1"))
    if b"content-length" in headers or b"transfer-encoding" in headers:
        return None
    try:
        return LogPlace.of(bearer(headers.get(b"authorization")), address[1], address[2], headers.get(b"last-event-id"))
    except AuthenticationRequiredError:
        return None


class FollowedLog:
    """The log of a deploy, as one client follows it from a position in the log."""

    def __init__(self, services: Services, organisation: str, place: LogPlace) -> None:
        self._services = services
        self._organisation = organisation
        self._place = place

    def answer(self, news: LogNews | None = None) -> Response:
        """Returns the response with the lines in `news`. If these lines end the log, it is an ordinary response. Else
        it is a stream that begins with these lines."""
        if news is not None and news.is_last:
            return Response(b"".join([*map(_event, news.lines), _DONE]), 200, _HEADERS, "text/event-stream")
        return EventSourceResponse(self._events(news), ping=HEARTBEAT, sep="\n")

    async def look(self) -> LogNews | None:
        """Returns the next lines of the log. Returns None if the caller's key, the app or the deploy is no longer
        valid."""
        turn = self._services.fairness.look(self._organisation)
        await turn.take()
        # The query continues if its client disconnects. Cancelling a query closes its database connection, and hundreds
        # of clients may disconnect at once.
        return await asyncio.shield(self._read(turn))

    async def _read(self, turn: Turn) -> LogNews | None:
        try:
            return await read_news(self._services.database, self._place)
        finally:
            turn.give()

    async def _events(self, news: LogNews | None) -> AsyncIterator[bytes]:
        patience = FIRST_LOOK
        with self._services.followers.follow(self._place.deploy) as following:
            while True:
                # Lines that were written between the first look and the subscription to notifications cause no
                # notification. So the stream looks once more before it waits.
                is_heard = news is None
                news = news or await self.look()
                if news is None:
                    return
                if news.lines:
                    self._place = self._place._replace(after=news.lines[-1].seq)
                    yield b"".join(map(_event, news.lines))
                if news.is_last:
                    yield _DONE
                    return
                if is_heard and len(news.lines) < MOST_LINES:
                    # Notifications announce news, except right after the start. An occasional poll finds news whose
                    # notification was lost.
                    await following.wait(patience)
                    patience = NEXT_LOOKS
                news = None


def _event(line: LogLine) -> bytes:
    data = json.dumps({"ts": line.ts.timestamp(), "line": line.line})
    return f"id: {line.seq}\ndata: {data}\n\n".encode()
