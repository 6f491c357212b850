"""What a route is given: the services of the process, the request's transaction, and who is calling."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from easel.access.errors import RateLimitedError
from easel.access.secrets import Vault
from easel.access.service import Principal, authenticate, bearer
from easel.deploys.following import Followers
from easel.deploys.polling import Polls
from easel.settings import Settings
from easel.storage.database import Database, Transaction
from easel.storage.freshness import FreshnessPage
from easel.storage.objects import ObjectStore
from easel.storage.queue import Queue
from easel.versions.verify import Verifier


class Limiter:
    """Counts requests per key. In this process's memory: with several apis each allows the limit."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._limit = per_minute

    def count(self, key_id: str) -> None:
        """Counts one request. Raises RateLimitedError, which says when to try again (seconds)."""
        if self._item is None or self._limiter.hit(self._item, key_id):
            return
        reset = self._limiter.get_window_stats(self._item, key_id).reset_time
        raise RateLimitedError(
            limit=self._limit, retry_after_seconds=max(1, math.ceil(reset - time.time())), retryable=True
        )


@dataclass(frozen=True, slots=True)
class Services:
    """Everything an api process works with."""

    settings: Settings
    database: Database
    objects: ObjectStore
    queue: Queue
    vault: Vault
    verifier: Verifier
    followers: Followers
    polls: Polls
    limiter: Limiter
    page: FreshnessPage


def services_of(request: Request) -> Services:
    """The services of this process."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


def work_of(request: Request) -> Transaction:
    """The request's transaction; it is committed after the answer is made and before it is sent."""
    work = request.state.work
    assert isinstance(work, Transaction)
    return work


# FastAPI runs dependencies that are no coroutines in a thread: a detour that costs more than all they do.
async def get_services(request: Request) -> Services:
    """The services of this process, as a dependency."""
    return services_of(request)


async def get_work(request: Request) -> Transaction:
    """The request's transaction, as a dependency."""
    return work_of(request)


async def identify(request: Request) -> Principal:
    """Who sends the request, found out once. Raises the errors of `easel.access.errors`."""
    known = getattr(request.state, "principal", None)
    if isinstance(known, Principal):
        return known
    principal = await authenticate(work_of(request), bearer(request.headers.get("authorization")))
    if not getattr(request.state, "counted", False):
        request.state.counted = True
        services_of(request).limiter.count(principal.key_id)
    request.state.principal = principal
    return principal


def forget_who_asks(request: Request) -> None:
    """What was found out about the key may no longer be true when a long body has come: it is found out again."""
    request.state.principal = None


def requires(scope: str, *, whole_organisation: bool = False) -> Callable[..., Awaitable[Principal]]:
    """A dependency that gives the caller, if its key has the scope."""

    async def dependency(request: Request, _token: Annotated[object, Depends(_bearer)]) -> Principal:
        principal = await identify(request)
        principal.require(scope, whole_organisation=whole_organisation)
        return principal

    return dependency


_bearer = HTTPBearer(auto_error=False, description="An API key: sk_…", scheme_name="BearerAuth")

Work = Annotated[Transaction, Depends(get_work)]
Parts = Annotated[Services, Depends(get_services)]
Reader = Annotated[Principal, Depends(requires("read"))]
Deployer = Annotated[Principal, Depends(requires("deploy"))]
Admin = Annotated[Principal, Depends(requires("admin"))]
OrganisationReader = Annotated[Principal, Depends(requires("read", whole_organisation=True))]
OrganisationAdmin = Annotated[Principal, Depends(requires("admin", whole_organisation=True))]
