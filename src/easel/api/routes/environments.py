"""The operations on environments: restore, promote, lock."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from easel import clock
from easel.api.http.context import Deployer, Parts, Work
from easel.api.http.route import EaselRoute
from easel.apps.models import App
from easel.apps.service import get_app
from easel.environments.models import Environment
from easel.environments.names import PRODUCTION
from easel.environments.schemas import (
    EnvironmentResponse,
    LockRequest,
    PromoteResponse,
    RestoreVersionRequest,
    RestoreVersionResponse,
)
from easel.environments.service import set_lock
from easel.releases.restore import promote, restore
from easel.serving.addresses import Addresses
from easel.settings import Settings
from easel.storage.object_names import asset_prefix

router = APIRouter(prefix="/v1/apps", tags=["Apps"], route_class=EaselRoute)


@router.post("/{app_id}/versions/{version}/restore", summary="Restore a Version", response_model=RestoreVersionResponse)
async def restore_version(
    app_id: str,
    version: Annotated[int, Path()],
    body: RestoreVersionRequest,
    work: Work,
    caller: Deployer,
    parts: Parts,
) -> RestoreVersionResponse:
    """Point an environment at a version, at once and without a build. Visitors get the version before the response is
    sent."""
    name = body.environment or PRODUCTION
    restored = await restore(
        work,
        parts.verifier,
        caller,
        app_id,
        version,
        environment=name,
        with_config=body.with_config,
        lock=body.lock,
        lock_reason=body.lock_reason,
    )
    return RestoreVersionResponse(
        app_id=app_id,
        version=restored.number,
        deploy_id=restored.deploy_id or "",
        environment=name,
        asset_prefix=asset_prefix(app_id, restored.manifest_key),
        url=Addresses.of(parts.settings).url(name, restored.slug),
        locked=body.lock,
    )


@router.post("/{app_id}/promote", summary="Promote Staging", response_model=PromoteResponse)
async def promote_app(app_id: str, work: Work, caller: Deployer, parts: Parts) -> PromoteResponse:
    """Point production at exactly the version that staging serves."""
    version = await promote(work, parts.verifier, caller, app_id)
    return PromoteResponse(
        app_id=app_id,
        version=version.number,
        deploy_id=version.deploy_id or "",
        environment=PRODUCTION,
        asset_prefix=asset_prefix(app_id, version.manifest_key),
        url=Addresses.of(parts.settings).url(PRODUCTION, version.slug),
    )


@router.post(
    "/{app_id}/environments/{environment}/lock", summary="Lock an Environment", response_model=EnvironmentResponse
)
async def lock_environment(
    app_id: str, environment: str, body: LockRequest, work: Work, caller: Deployer, parts: Parts
) -> EnvironmentResponse:
    """Lock an environment. Deploys still create versions, but visitors keep the current version."""
    app = await get_app(work, caller, app_id)
    locked = await set_lock(work, app, environment, reason=body.reason, actor=caller.actor, locked=True)
    return _describe(parts.settings, app, locked)


@router.post(
    "/{app_id}/environments/{environment}/unlock",
    summary="Unlock an Environment",
    response_model=EnvironmentResponse,
)
async def unlock_environment(
    app_id: str, environment: str, work: Work, caller: Deployer, parts: Parts
) -> EnvironmentResponse:
    """Unlock an environment. Versions that were deployed during the lock do not go live."""
    app = await get_app(work, caller, app_id)
    unlocked = await set_lock(work, app, environment, reason=None, actor=caller.actor, locked=False)
    return _describe(parts.settings, app, unlocked)


def _describe(settings: Settings, app: App, environment: Environment) -> EnvironmentResponse:
    return EnvironmentResponse(
        app_id=app.id,
        environment=environment.name,
        version=environment.version,
        revision=environment.revision,
        url=Addresses.of(settings).url(environment.name, app.slug),
        locked=environment.locked_at is not None,
        lock_reason=environment.lock_reason,
        locked_by=environment.locked_by,
        locked_at=clock.iso(environment.locked_at),
    )
