"""Runs every request in one transaction, and remembers first responses under their Idempotency-Key."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from easel import clock
from easel.access.errors import IdempotencyConflictError, IdempotencyKeyInvalidError
from easel.access.models import RememberedAnswer
from easel.access.service import Subject, bearer
from easel.api.http.bodies import BoundedRequest, rule_of
from easel.api.http.context import forget_who_asks, identify, needed_by, services_of
from easel.api.http.errors import REFUSED
from easel.api.http.limits import HEAVY, PLAIN, weight_of
from easel.storage.database import Transaction

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

REMEMBERED = 64 * 1024
"""Maximum size in bytes of a response that is remembered in full under its Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class Abridgement:
    """How large responses of an operation are remembered: without the parts that the database can restore."""

    abridge: Callable[[bytes], bytes]
    complete: Callable[[Transaction, Subject, bytes], Awaitable[bytes]]


def abridged(
    abridge: Callable[[bytes], bytes], complete: Callable[[Transaction, Subject, bytes], Awaitable[bytes]]
) -> Callable[[Endpoint], Endpoint]:
    """Marks an operation whose large responses are remembered without the parts that the database can restore.
    `abridge` removes these parts from a response, and `complete` restores them."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.abridgement = Abridgement(abridge, complete)  # type: ignore[attr-defined]
        return endpoint

    return mark


class EaselRoute(APIRoute):
    """A route that runs in one transaction: committed before the response is sent, rolled back if the route raises.

    The caller is authenticated before any part of the request is read.
    """

    def get_route_handler(self) -> Handler:
        """Returns the route's handler, which runs inside a transaction."""
        handle = super().get_route_handler()
        rule, weight, model = rule_of(self.endpoint), weight_of(self.endpoint), _model_of(self)
        needs = [need for dependency in self.dependant.dependencies if (need := needed_by(dependency.call)) is not None]
        abridgement: Abridgement | None = getattr(self.endpoint, "abridgement", None)
        turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

        async def handler(plain: Request) -> Response:
            request = BoundedRequest(plain.scope, plain.receive)
            request.rule, request.model = rule, model
            request.state.weight = weight
            if getattr(request.state, "in_lane", False):
                # In a lane: the api has already admitted and counted the request, and has waited for its turn.
                request.state.counted = True
                return await answer(request)
            if not request.has_body or request.is_small:
                if request.has_body:
                    await request.take()
                return await in_turn(request, weight > PLAIN)
            async with _transaction(request):
                caller = await identify(request)
            for need in needs:
                need.check(caller)
            services = services_of(request)
            services.objects.reserve.require_for_records()
            async with services.fairness.body(caller.org_id):
                request.is_turn_wanted = partial(services.fairness.is_body_wanted, caller.org_id)
                await request.take()
                services.limiter.charge(caller.org_id, request.size)
                forget_who_asks(request)
                # After a certain number of bytes of a body, the server stops reading the connection. Here, it resumes
                # reading, so that it notices if a client disconnects while it waits for its turn.
                await request.require_client()
                return await in_turn(request, True)

        async def in_turn(request: BoundedRequest, costly: bool) -> Response:
            """Returns the response. If the operation is `costly`, or its body or response is large, it takes longer
            than a plain request. It then first waits for its organisation's turn (slot)."""
            fairness, organisation, address = services_of(request).fairness, _whose(request), request.scope["path"]
            large = request.size > HEAVY or fairness.answers_large(organisation, address)
            if not costly and not large:
                with fairness.plain(organisation):
                    return await answer(request)
            async with fairness.costly(organisation):
                request.quiet = partial(fairness.quiet, organisation)
                await request.quiet()
                # If the client has disconnected, nobody sees the result, and the work would only delay other requests.
                await request.require_client()
                # Publishing a small configuration takes little time, and the user waits for it.
                if large or request.method == "GET":
                    return await in_lane(request, organisation, weight) or await answer(request)
                return await answer(request)

        async def answer(request: Request) -> Response:
            key = request.headers.get("idempotency-key") if request.method == "POST" else None
            if key is None:
                async with _transaction(request):
                    caller = await identify(request)
                    return _charged(request, caller, await handle(request))
            if not 1 <= len(key) <= 255 or not all(33 <= ord(character) < 127 for character in key):
                raise IdempotencyKeyInvalidError()
            # Requests with the same key run one after another, and wait without a database connection.
            async with turns.setdefault(f"{request.headers.get('authorization')}\n{key}", asyncio.Lock()):
                return await _first_or_again(request, key, handle, abridgement)

        return handler


async def in_lane(request: BoundedRequest, organisation: str, weight: float = PLAIN) -> Response | None:
    """Passes a costly request to the lane (the api's second process), and returns the response. Returns None if this
    process must carry out the request. Raises RateLimitedError and RequestBrokenOffError."""
    services = services_of(request)
    lane, fairness = services.lane, services.fairness
    # Requests without a known organisation are not passed on, because a request must be counted before it is passed on.
    # Only the lane (the process for costly requests) would find out whether the key is valid.
    if lane is None or not organisation:
        return None
    if fairness.others_ask(organisation):
        lane.want()
    if not lane.is_open:
        return None
    if not getattr(request.state, "counted", False):
        services.limiter.count(organisation, weight)
        request.state.counted = True
    pieces = [await request.body()] if request.pieces is None else request.pieces
    answered = await lane.ask(request.scope, pieces, sum(map(len, pieces)))
    if answered is None:
        return None
    head, body = answered
    response = Response(body, head.status)
    # The middleware adds the request id to every response.
    response.raw_headers = [header for header in head.headers if header[0] != b"x-request-id"]
    if head.status == 401 and "authorization" in request.headers:
        fairness.forget(bearer(request.headers.get("authorization")))
    if head.refused_by is not None:
        REFUSED.labels(head.refused_by).inc()
    services.limiter.charge(organisation, len(body))
    fairness.answered(organisation, request.scope["path"], len(body))
    return response


def _model_of(route: APIRoute) -> type[BaseModel] | None:
    """Returns the model of the request's body. Returns None if the body has no model."""
    kind = route.body_field.field_info.annotation if route.body_field is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


@asynccontextmanager
async def _transaction(request: Request) -> AsyncIterator[Transaction]:
    services = services_of(request)
    async with services.database.transaction(services.fairness.connection(_whose(request))) as work:
        request.state.work = work
        yield work


def _whose(request: Request) -> str:
    """Returns the organisation that the request counts for. For a client without a known organisation, returns the
    client's address, as the gate determined it."""
    whose: str = request.state.whose
    return whose


def _charged(request: Request, caller: Subject, response: Response) -> Response:
    services, size = services_of(request), len(getattr(response, "body", b""))
    services.limiter.charge(caller.org_id, size)
    services.fairness.answered(caller.org_id, request.scope["path"], size)
    return response


class _AlreadyAnsweredError(Exception):
    """Another process has already responded to a request with the same Idempotency-Key."""


async def _first_or_again(
    request: Request,
    key: str,
    handle: Callable[[Request], Awaitable[Response]],
    abridgement: Abridgement | None,
) -> Response:
    while True:
        try:
            async with _transaction(request) as work:
                caller = await identify(request)
                return _charged(request, caller, await _once(request, work, caller, key, handle, abridgement))
        except _AlreadyAnsweredError:
            continue


async def _once(
    request: Request,
    work: Transaction,
    subject: Subject,
    key: str,
    handle: Callable[[Request], Awaitable[Response]],
    abridgement: Abridgement | None,
) -> Response:
    """Returns the subject's first response under this Idempotency-Key. If there is no such response yet, returns the
    handler's response, which is remembered in the handler's own transaction.

    Refusals are not remembered, because they changed nothing and the same request may succeed later. Responses may
    contain secrets (a new key, a presigned address), so they are encrypted, and only the same subject gets them again.
    For a large response, only the part that the database cannot restore is remembered.
    """
    fingerprint = hashlib.sha256()
    for part in (request.method.encode(), str(request.url.path).encode(), request.url.query.encode()):
        fingerprint.update(part + b"\n")
    fingerprint.update(await request.body())
    # If two requests with one key arrive at the same time, the second request waits for the first and finds its
    # response.
    await work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{subject.id}/{key}", 0))))
    known = await work.session.scalar(
        select(RememberedAnswer).where(
            RememberedAnswer.org_id == subject.org_id,
            RememberedAnswer.subject_id == subject.id,
            RememberedAnswer.key == key,
        )
    )
    vault = services_of(request).vault
    if known is not None:
        if known.request_hash != fingerprint.hexdigest():
            raise IdempotencyConflictError()
        again = vault.open(known.body).encode()
        if known.abridged and abridgement is not None:
            again = await abridgement.complete(work, subject, again)
        return Response(again, known.status, {"Idempotency-Replayed": "true"}, "application/json")
    response = await handle(request)
    if response.status_code < 400:
        body = bytes(response.body)
        short = abridgement.abridge(body) if abridgement is not None and len(body) > REMEMBERED else None
        remembered = (
            insert(RememberedAnswer)
            .values(
                org_id=subject.org_id,
                subject_id=subject.id,
                key=key,
                request_hash=fingerprint.hexdigest(),
                status=response.status_code,
                body=vault.seal((short or body).decode()),
                abridged=short is not None,
                created_at=clock.now(),
            )
            .on_conflict_do_nothing()
            .returning(RememberedAnswer.key)
        )
        # An operation that releases its transaction also releases the lock. Another request may then have stored its
        # response.
        if await work.session.scalar(remembered) is None:
            raise _AlreadyAnsweredError
    return response
