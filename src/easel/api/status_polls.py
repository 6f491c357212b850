"""The fast path of the most frequent request: polling a deploy's status. Tools poll several times a second until the
deploy has ended.

The fast path works without router, transaction and the framework's checks. Every request that is not plainly valid
takes the slow path, which reports the error.
"""

from __future__ import annotations

import logging
import re

import psycopg
from cachetools import LRUCache
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from easel.access.errors import AuthenticationRequiredError, RateLimitedError
from easel.access.service import bearer
from easel.api.http.context import Services
from easel.api.http.errors import error_answer
from easel.api.http.limits import POLL
from easel.api.routes.deploys import describe
from easel.deploys.status_batch import DeployStatus

logger = logging.getLogger(__name__)

_MOST_WRITTEN = 1024
_ADDRESS = re.compile(r"/v1/apps/(app_[0-9a-f]{1,64})/deploys/(dep_[0-9a-f]{1,64})")


class _NamedRoute:
    """A route that gives status polls on the fast path their name in the metrics. The framework does not route these
    requests."""

    path = "/v1/apps/{app_id}/deploys/{deploy_id}"


class StatusPolls:
    """ASGI middleware for status polls, inside the middleware that assigns request ids and counts requests."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app = app
        self._services = services
        self._written: LRUCache[str, tuple[tuple[object, ...], bytes]] = LRUCache(_MOST_WRITTEN)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a status poll, or passes the request on."""
        asked = self._asked(scope) if scope["type"] == "http" else None
        found = await self._read(*asked) if asked is not None else None
        if found is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = _NamedRoute
        await self._answer(found)(scope, receive, send)

    def _asked(self, scope: Scope) -> tuple[str, str, str] | None:
        """Returns the key, the app and the deploy of a poll. Returns None for any other request."""
        if scope["method"] != "GET" or scope["query_string"]:
            return None
        address = _ADDRESS.fullmatch(scope["path"])
        if address is None:
            return None
        authorization: str | None = None
        for name, value in scope["headers"]:
            if name == b"authorization" and authorization is None:
                authorization = value.decode("latin-1")
            elif name in (b"content-length", b"transfer-encoding"):
                return None
        try:
            return bearer(authorization), address[1], address[2]
        except AuthenticationRequiredError:
            return None

    async def _read(self, secret: str, app_id: str, deploy_id: str) -> DeployStatus | None:
        try:
            return await self._services.polls.read(secret, app_id, deploy_id)
        except (psycopg.Error, OSError) as error:
            logger.warning("the slow path answers a status poll because of an error: %s", error or type(error).__name__)
            return None

    def _answer(self, found: DeployStatus) -> Response:
        try:
            self._services.limiter.count(found.org_id, POLL)
        except RateLimitedError as error:
            return error_answer(error)
        return Response(self._body(found), media_type="application/json")

    def _body(self, found: DeployStatus) -> bytes:
        """Returns the response's body. The body is encoded once as long as the deploy does not change."""
        read = found[1:]
        known = self._written.get(found.id)
        if known is None or known[0] != read:
            body = describe(self._services.settings, found.slug, found).model_dump_json().encode()
            known = self._written[found.id] = (read, body)
        return known[1]
