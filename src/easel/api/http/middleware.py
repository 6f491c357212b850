"""Middleware of every request: an id, and an envelope for unexpected errors."""

from __future__ import annotations

import logging
import time

from prometheus_client import Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from easel.api.http.errors import AddressInvalidError, InternalServerError, error_answer
from easel.ids import new_id
from easel.uploads.service import OBJECTS_PATH

logger = logging.getLogger(__name__)

REQUEST_SECONDS = Histogram(
    "easel_api_request_seconds",
    "Duration of requests in seconds, by route and status",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


_CROSS_ORIGIN = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, PUT, HEAD, OPTIONS"),
    (b"access-control-allow-headers", b"*"),
    (b"access-control-expose-headers", b"ETag, Retry-After, X-Request-Id"),
    (b"access-control-max-age", b"3600"),
)
"""Headers that let pages of any origin upload, and read the reason of a refused upload (Fetch, 3.2)."""

CLIENT_GONE = 499
"""The status in the metrics for a request whose client disconnected before sending the complete body."""


class RequestContext:
    """ASGI middleware that gives every request an id, and handles unexpected errors."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, with its id. Responds to an unexpected error with 500."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        # In a lane, the api has already given the request its id.
        request_id = scope.setdefault("state", {}).setdefault("request_id", new_id("req"))
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = _CROSS_ORIGIN if scope["path"].startswith(OBJECTS_PATH) else ()
                message = {**message, "headers": [*message["headers"], (b"x-request-id", request_id.encode()), *more]}
            await send(message)

        # PostgreSQL accepts no NUL character in a value, so no route gets such a path.
        if "\x00" in scope["path"]:
            await error_answer(AddressInvalidError())(scope, receive, send_with_id)
            return
        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            # A client may disconnect at any time, so this is not an unexpected error.
            status = status or CLIENT_GONE
        except Exception:
            logger.exception("request %s failed: %s %s", request_id, scope["method"], scope["path"])
            if status:
                raise
            await error_answer(InternalServerError(request_id=request_id))(scope, receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            REQUEST_SECONDS.labels(scope["method"], route, status).observe(time.perf_counter() - began)
