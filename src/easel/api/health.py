"""Health, readiness and metrics of the api."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from easel.api.metrics import queue_metrics
from easel.errors import EaselError
from easel.web.context import services_of

router = APIRouter(include_in_schema=False)

PATIENCE = 5
"""Seconds that a part is given to answer; whoever asks for readiness asks again."""


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the process is alive."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """Whether the parts answer: database, objects, queue; 503 if one does not."""
    services = services_of(request)
    parts: dict[str, str] = {}
    try:
        async with asyncio.timeout(PATIENCE), services.database.transaction() as work:
            ((read_only,),) = await work.sql("select current_setting('transaction_read_only')", {})
            parts["database"] = "read-only" if read_only == "on" else "ok"
            await work.session.execute(text("select 1 from procrastinate_jobs limit 1"))
            parts["queue"] = "ok"
    except Exception as error:
        parts.setdefault("database", f"no answer ({type(error).__name__})")
        parts.setdefault("queue", "no answer")
    try:
        async with asyncio.timeout(PATIENCE):
            await services.objects.check()
        parts["objects"] = "ok"
    except (EaselError, OSError) as error:  # TimeoutError is an OSError
        parts["objects"] = f"no answer ({type(error).__name__})"
    ready = all(state == "ok" for state in parts.values())
    body: dict[str, Any] = {"status": "ok" if ready else "not ready", **parts}
    return JSONResponse(body, 200 if ready else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """The metrics of this process and of the queue, for Prometheus."""
    return Response(generate_latest() + await queue_metrics(services_of(request)), media_type=CONTENT_TYPE_LATEST)
