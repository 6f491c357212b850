"""Assembles the api's application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import DBAPIError

from easel.access.secrets import Vault
from easel.api import openapi
from easel.api.health import Health, ReadinessChecks
from easel.api.health import router as health_router
from easel.api.http.context import Services
from easel.api.http.errors import add_error_handlers
from easel.api.http.gate import Gate
from easel.api.http.limits import Fairness, Limiter
from easel.api.http.middleware import RequestContext
from easel.api.lane.client import Lane
from easel.api.log_streams import LogStreams
from easel.api.routes.apps import router as apps_router
from easel.api.routes.builds import router as builds_router
from easel.api.routes.deploys import router as deploys_router
from easel.api.routes.environments import router as environments_router
from easel.api.routes.keys import router as keys_router
from easel.api.routes.limits import router as limits_router
from easel.api.routes.repositories import router as repositories_router
from easel.api.routes.rules import router as rules_router
from easel.api.routes.unbuilt import router as unbuilt_router
from easel.api.routes.uploads import objects_router
from easel.api.routes.uploads import router as uploads_router
from easel.api.routes.versions import router as versions_router
from easel.api.routes.webhooks import router as webhooks_router
from easel.api.status_polls import StatusPolls
from easel.deploys.log_watchers import Followers, Streams
from easel.deploys.status_batch import Polls
from easel.errors import EaselError
from easel.settings import Settings
from easel.storage.channels import DEPLOYS_CHANNEL
from easel.storage.database import POOL, Database
from easel.storage.freshness import FreshnessPage
from easel.storage.notifications import Listener
from easel.storage.objects import ObjectStore
from easel.storage.queue import Queue
from easel.uploads.service import release_interrupted
from easel.versions.integrity import Verifier

logger = logging.getLogger(__name__)

ROUTERS = (
    apps_router,
    uploads_router,
    deploys_router,
    versions_router,
    rules_router,
    environments_router,
    keys_router,
    limits_router,
    repositories_router,
    builds_router,
    webhooks_router,
    unbuilt_router,
    objects_router,
    health_router,
)


def make_services(
    settings: Settings,
    database_url: str,
    objects: ObjectStore,
    vault: Vault,
    *,
    lane: Lane | None = None,
    pool_size: int = POOL // 2,
) -> Services:
    """Returns the services of an api process, or of its lane (its second process, for costly requests). A lane has no
    lane itself."""
    page = FreshnessPage(settings.run_dir / "freshness")
    return Services(
        settings=settings,
        database=Database(database_url, page=page, pool_size=pool_size),
        objects=objects,
        queue=Queue(),
        vault=vault,
        verifier=Verifier(objects),
        followers=Followers(),
        polls=Polls(database_url),
        limiter=Limiter(settings.rate_limit_per_minute),
        fairness=Fairness(),
        streams=Streams(settings.max_log_streams),
        page=page,
        lane=lane,
    )


class _Lifespan:
    """The background tasks of an application. The application's routes may be built before its services are known."""

    services: Services

    @asynccontextmanager
    async def __call__(self, _: FastAPI) -> AsyncIterator[dict[str, Any]]:
        services = self.services
        followers = services.followers

        async def look_again() -> None:
            followers.news_of_all()

        listener = Listener(
            services.database.url, {DEPLOYS_CHANNEL: followers.news}, look_again, needed=lambda: followers.any
        )
        followers.come = listener.start
        if followers.any:
            listener.start()
        counting = asyncio.create_task(_count_again(services))
        # The uploads are counted before the first upload arrives. But an unreachable database must not delay the start.
        await asyncio.wait([counting], timeout=1)
        try:
            yield {}
        finally:
            counting.cancel()
            if services.lane is not None:
                await services.lane.close()
            await listener.stop()
            await services.polls.close()
            await services.database.close()


async def _count_again(services: Services) -> None:
    if "PUT" not in services.objects.presigns:
        try:
            await release_interrupted(services.database)
        except (EaselError, DBAPIError, psycopg.Error, OSError) as error:
            logger.warning(
                "interrupted uploads still count against the limits of their organisations, until they are swept: %s",
                error or type(error).__name__,
            )


def _routed() -> tuple[FastAPI, _Lifespan]:
    lifespan = _Lifespan()
    # FastAPIOffline serves all parts of the documentation page itself, because Easel may run without access to the
    # internet.
    app = FastAPIOffline(lifespan=lifespan, **openapi.info())
    for router in ROUTERS:
        # `include_router` would build each route a second time. It would only add settings of the application, and
        # the application has none.
        app.router.routes.extend(router.routes)
    add_error_handlers(app)
    openapi.install(app)
    return app, lifespan


_ahead: list[tuple[FastAPI, _Lifespan]] = []


def make_ahead() -> None:
    """Prepares an application as far as possible without its services, so that processes that are forked later share
    the prepared parts."""
    _ahead.append(_routed())


def make_application(services: Services, *, is_lane: bool = False) -> FastAPI:
    """Returns the application for these services. In a lane (the api's second process), requests pass no gate
    (`http/gate.py`), because they have already passed the gate of the api."""
    app, lifespan = _ahead.pop() if _ahead else _routed()
    lifespan.services = services
    app.state.services = services
    app.state.health = Health(services)
    # The middleware that is added last runs first.
    if not is_lane:
        app.add_middleware(LogStreams, services=services)
        app.add_middleware(Gate, services=services)
        app.add_middleware(StatusPolls, services=services)
        app.add_middleware(ReadinessChecks, health=app.state.health)
    app.add_middleware(RequestContext)
    return app
