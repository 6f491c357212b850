"""One transaction around every request, and first answers remembered under their Idempotency-Key."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import select, text

from easel import clock
from easel.access.errors import IdempotencyConflictError, IdempotencyKeyInvalidError
from easel.access.models import RememberedAnswer
from easel.storage.database import Transaction
from easel.web.context import identify, services_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class EaselRoute(APIRoute):
    """A route whose work is one transaction: committed before the answer is sent, rolled back when it raises."""

    def get_route_handler(self) -> Handler:
        """The route's handler, inside a transaction."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            async with services_of(request).database.transaction() as work:
                request.state.work = work
                key = request.headers.get("idempotency-key") if request.method == "POST" else None
                if key is None:
                    return await handle(request)
                return await _once(request, work, key, handle)

        return handler


async def _once(
    request: Request, work: Transaction, key: str, handle: Callable[[Request], Awaitable[Response]]
) -> Response:
    """The first answer under this key, or the handler's, remembered in the same transaction as what it did.

    Refusals are not remembered: they changed nothing, and the same request may be right later.
    """
    if not 1 <= len(key) <= 255 or not all(33 <= ord(character) < 127 for character in key):
        raise IdempotencyKeyInvalidError()
    principal = await identify(request)
    fingerprint = hashlib.sha256()
    for part in (request.method.encode(), str(request.url.path).encode(), request.url.query.encode()):
        fingerprint.update(part + b"\n")
    fingerprint.update(await request.body())
    # Two requests with one key at the same moment: the second waits for the first, and finds its answer.
    await work.session.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{principal.org_id}/{key}"}
    )
    known = await work.session.scalar(
        select(RememberedAnswer).where(RememberedAnswer.org_id == principal.org_id, RememberedAnswer.key == key)
    )
    if known is not None:
        if known.request_hash != fingerprint.hexdigest():
            raise IdempotencyConflictError()
        return Response(known.body, known.status, {"Idempotency-Replayed": "true"}, "application/json")
    response = await handle(request)
    if response.status_code < 400:
        work.session.add(
            RememberedAnswer(
                org_id=principal.org_id,
                key=key,
                request_hash=fingerprint.hexdigest(),
                status=response.status_code,
                body=bytes(response.body),
                created_at=clock.now(),
            )
        )
        await work.session.flush()
    return response
