"""Health and readiness of the api, and its metrics, which its private port serves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import generate_latest
from starlette.types import ASGIApp, Receive, Scope, Send

from easel.api.http.context import Services
from easel.api.metrics import queue_metrics
from easel.connections.private import Readiness
from easel.errors import EaselError
from easel.storage.statements import statements

_SQL = statements(__name__)

router = APIRouter(include_in_schema=False)

CHECK_TIMEOUT = 5
"""Timeout in seconds of the check of one part, such as the database. It is short, because callers repeat readiness
checks."""


class Health:
    """The state of an api and its parts.

    Concurrent requests share one check, so many requests cost database and store no more than one request.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looks: dict[Callable[[], Awaitable[Any]], asyncio.Task[Any]] = {}

    async def readiness(self) -> Readiness:
        """Checks whether the database, the queue and the object store are reachable, and returns their states."""
        found: Readiness = await self._joined(self._look)
        return found

    async def metrics(self) -> bytes:
        """Returns the metrics of this process and of the queue, for Prometheus."""
        found: bytes = await self._joined(self._measure)
        return found

    async def _joined(self, find: Callable[[], Awaitable[Any]]) -> Any:
        look = self._looks.get(find)
        if look is None or look.done():
            look = self._looks[find] = asyncio.ensure_future(find())
        # The check continues for other callers if one caller disconnects.
        return await asyncio.shield(look)

    async def _measure(self) -> bytes:
        return generate_latest() + await queue_metrics(self._services)

    async def _look(self) -> Readiness:
        parts: dict[str, str] = {}
        try:
            async with self._services.database.apart(CHECK_TIMEOUT) as statement:
                parts["database"] = "read-only" if await statement(_SQL["read_only"], {}) == [("on",)] else "ok"
                await statement(_SQL["queue_answers"], {})
                parts["queue"] = "ok"
        except Exception as error:
            parts.setdefault("database", f"no response ({type(error).__name__})")
            parts.setdefault("queue", "no response")
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await self._services.objects.check()
            parts["objects"] = "ok"
        except (EaselError, OSError) as error:  # TimeoutError is an OSError.
            parts["objects"] = f"no response ({type(error).__name__})"
        ready = all(state == "ok" for state in parts.values())
        # On a nearly full disk, everything except uploads and deploys works, so the api stays ready.
        parts["disk"] = _disk(self._services)
        return Readiness(ready, "ok" if ready else "not ready", parts)


def _disk(services: Services) -> str:
    """Returns `ok`, or `low` if the disk of the data folder has less free space than the reserve. Returns the error in
    words if the disk does not respond."""
    try:
        return "low" if services.objects.reserve.is_reached else "ok"
    except OSError as error:
        return f"no response ({type(error).__name__})"


@router.get("/")
async def lead_to_the_documentation() -> Response:
    """Redirects a browser from the api's root to its documentation."""
    return Response(status_code=307, headers={"Location": "docs"})


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Responds with 200, which shows that the process is alive."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Responds with 200 if database, queue and objects are reachable, else with 503. Only the private port names the
    unreachable parts."""
    return await _ready(request.app.state.health)


async def _ready(health: Health) -> Response:
    found = await health.readiness()
    return Response(found.to_json(in_detail=False), found.code, media_type="application/json")


class ReadinessChecks:
    """Pure ASGI middleware that answers readiness checks before the framework. An idle api receives no other requests.
    If the framework handled these checks, its code would use memory that the process does not share with others."""

    def __init__(self, app: ASGIApp, *, health: Health) -> None:
        self._app = app
        self._health = health
        self._route = next(route for route in router.routes if getattr(route, "path", "") == "/readyz")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a readiness check, or passes the request on."""
        if scope["type"] != "http" or scope["path"] != "/readyz" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        # The metrics of requests read the route from the scope.
        scope["route"] = self._route
        await (await _ready(self._health))(scope, receive, send)
