"""The gate in front of the framework. It identifies the organisation of a request, refuses requests over a limit, and
starts requests in turns, one organisation after another.

The first step of a request, until it waits for the first time, takes most of the event loop's time. Without turns, a
thousand requests that arrive together would make their first steps one after another, and a request of another
organisation would wait for all of them.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from contextlib import ExitStack

import psycopg
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Receive, Scope, Send

from easel.access.errors import AuthenticationRequiredError
from easel.access.service import bearer, owner_of
from easel.api.http.context import Services
from easel.api.http.errors import error_answer
from easel.api.http.rounds import Rounds
from easel.errors import EaselError

logger = logging.getLogger(__name__)

LOG_STREAM = re.compile(r"/v1/apps/([^/]{1,100})/deploys/([^/]{1,100})/logs/stream")
"""Matches the path of a log stream, with the app and the deploy as groups."""
_NETWORK = 64
"""Bits of an IPv6 address that identify a network (RFC 4291 §2.5.4). All addresses of one network count as one
client."""


class Gate:
    """ASGI middleware that starts requests in turns, one organisation after another. It surrounds the framework's
    router. Status polls on their fast path do not pass through it."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app = app
        self._services = services
        self._rounds = Rounds(services.fairness.gives_way)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on when its organisation gets a slot. Refuses the request if the organisation has reached
        a limit."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            with ExitStack() as places:
                try:
                    sharer = await self._sharer(scope)
                    # Refused requests wait for their turn too, because a thousand streams beyond a limit may arrive
                    # together.
                    await self._rounds.begin(sharer)
                    self._services.limiter.refuse_over(sharer)
                    if scope["method"] == "GET" and LOG_STREAM.fullmatch(scope["path"]):
                        places.enter_context(self._services.streams.opened(sharer))
                except EaselError as error:
                    await error_answer(error)(scope, receive, send)
                    return
                scope["state"]["whose"] = sharer
                await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _sharer(self, scope: Scope) -> str:
        """Returns the sharer (the party whose turn the request takes): an organisation's id, or "" for all requests
        without a valid key. A key that is not in the cache is looked up in the database. These queries take turns by
        client address. Raises TooManyAtOnceError."""
        try:
            secret = bearer(_authorization(scope))
        except AuthenticationRequiredError:
            return ""
        fairness = self._services.fairness
        known = fairness.whose(secret)
        if known:
            return known
        address = scope["client"][0] if scope.get("client") else ""
        async with fairness.stranger(network_of(address)):
            try:
                owner = await owner_of(self._services.database, secret)
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                logger.warning("could not look up an API key in the database: %s", error or type(error).__name__)
                return ""
        if owner is None:
            return ""
        fairness.remember_owner(secret, owner)
        return owner


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value, "latin-1")
    return None


def network_of(address: str) -> str:
    """Returns the name under which a client with this address counts: the address itself, its network for IPv6, or ""
    for an invalid address."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], _NETWORK), strict=False))
    except ValueError:
        return ""
