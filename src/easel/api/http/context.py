"""The arguments of a route: the services of the process, the request's transaction, and the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from easel.access.errors import InvalidApiKeyError
from easel.access.secrets import Vault
from easel.access.service import Subject, authenticate, bearer
from easel.api.http.limits import PLAIN, Fairness, Limiter
from easel.api.lane.client import Lane
from easel.deploys.log_watchers import Followers, Streams
from easel.deploys.status_batch import Polls
from easel.settings import Settings
from easel.storage.database import Database, Transaction
from easel.storage.freshness import FreshnessPage
from easel.storage.objects import ObjectStore
from easel.storage.queue import Queue
from easel.versions.integrity import Verifier


@dataclass(frozen=True, slots=True)
class Services:
    """The long-lived objects that the requests of an api process share, such as the database and the object store."""

    settings: Settings
    database: Database
    objects: ObjectStore
    queue: Queue
    vault: Vault
    verifier: Verifier
    followers: Followers
    polls: Polls
    limiter: Limiter
    fairness: Fairness
    streams: Streams
    page: FreshnessPage
    lane: Lane | None = None


def services_of(request: Request) -> Services:
    """Returns the services of the process that handles the request."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


def work_of(request: Request) -> Transaction:
    """Returns the request's transaction. The transaction is committed after the response is made and before the
    response is sent."""
    work = request.state.work
    assert isinstance(work, Transaction)
    return work


# FastAPI runs a dependency in a thread unless it is a coroutine. The thread costs more than this work.
async def get_services(request: Request) -> Services:
    """Returns the services of this process, as a dependency."""
    return services_of(request)


async def get_work(request: Request) -> Transaction:
    """Returns the request's transaction, as a dependency."""
    return work_of(request)


async def identify(request: Request) -> Subject:
    """Returns the caller of the request, authenticated once. Raises the errors of `easel.access.errors`."""
    known = getattr(request.state, "subject", None)
    if isinstance(known, Subject):
        return known
    secret = bearer(request.headers.get("authorization"))
    try:
        subject = await authenticate(work_of(request), secret)
    except InvalidApiKeyError:
        # Otherwise, a request with a revoked key would still use slots of the organisation that owned the key.
        services_of(request).fairness.forget(secret)
        raise
    if not getattr(request.state, "counted", False):
        request.state.counted = True
        services = services_of(request)
        services.limiter.count(subject.org_id, getattr(request.state, "weight", PLAIN))
        services.fairness.remember_owner(secret, subject.org_id)
    request.state.subject = subject
    return subject


def forget_who_asks(request: Request) -> None:
    """Clears the cached caller, so that the key is checked again. The key may have been revoked while a long body
    arrived."""
    request.state.subject = None


@dataclass(frozen=True, slots=True)
class Need:
    """The scope that an operation requires, and whether a key that is limited to one app is refused."""

    scope: str
    whole_organisation: bool

    def check(self, subject: Subject) -> None:
        """Checks that the caller's key may be used for the operation. Raises InsufficientScopeError, or
        KeyLimitedToAppError if the key is limited to one app and the operation refuses such keys."""
        subject.require(self.scope, whole_organisation=self.whole_organisation)


def requires(scope: str, *, whole_organisation: bool = False) -> Callable[..., Awaitable[Subject]]:
    """Returns a dependency of a route. The dependency returns the caller of the request if the caller's key has the
    scope. With `whole_organisation`, keys that are limited to one app are refused."""
    need = Need(scope, whole_organisation)

    async def dependency(request: Request, _token: Annotated[object, Depends(_bearer)]) -> Subject:
        subject = await identify(request)
        need.check(subject)
        return subject

    dependency.need = need  # type: ignore[attr-defined]
    return dependency


def needed_by(dependency: object) -> Need | None:
    """Returns the requirements of a dependency that `requires` returned. Returns None for any other dependency."""
    need = getattr(dependency, "need", None)
    return need if isinstance(need, Need) else None


_bearer = HTTPBearer(auto_error=False, description="An API key: sk_…", scheme_name="BearerAuth")

Work = Annotated[Transaction, Depends(get_work)]
Parts = Annotated[Services, Depends(get_services)]
Reader = Annotated[Subject, Depends(requires("read"))]
Deployer = Annotated[Subject, Depends(requires("deploy"))]
Admin = Annotated[Subject, Depends(requires("admin"))]
OrganisationReader = Annotated[Subject, Depends(requires("read", whole_organisation=True))]
OrganisationAdmin = Annotated[Subject, Depends(requires("admin", whole_organisation=True))]
