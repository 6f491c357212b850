"""The operations on deploys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from sse_starlette import EventSourceResponse

from easel import clock
from easel.access.service import bearer
from easel.api.http.bodies import takes_texts
from easel.api.http.context import Deployer, Parts, Reader, Work
from easel.api.http.route import EaselRoute
from easel.api.log_streams import FollowedLog
from easel.apps.service import get_app
from easel.deploys.log_news import LogPlace
from easel.deploys.models import Deploy
from easel.deploys.queue_waits import limits_in, waiting_in, waits_for
from easel.deploys.schemas import (
    DeployCounts,
    DeployRequest,
    DeployResponse,
    DeployStatusResponse,
    ListDeploysResponse,
    SmokeTestResult,
)
from easel.deploys.service import DeployOrder, accept, cancel, get_deploy
from easel.deploys.service import list_deploys as find_deploys
from easel.deploys.states import QUEUED, in_order
from easel.deploys.status_batch import DeployStatus
from easel.serving.addresses import Addresses
from easel.settings import Settings

router = APIRouter(prefix="/v1/apps", tags=["Apps"], route_class=EaselRoute)

DEPLOY_DESCRIPTION = """Queue a build+deploy for an App, creating a new version.

**Full deploy workflow:**
1. `POST /{app_id}/deploy/upload-url` → get a presigned S3 PUT URL
2. Upload your built dist/ zip to that URL
3. Call this endpoint with the returned `bundle_s3_key`
4. Optionally include `source_files` (path→content map) for version diffing
5. Poll `GET /{app_id}/deploys/{deploy_id}` until status is `complete`

**Edit-and-redeploy workflow:**
1. `GET /{app_id}/versions/{version}/download` → download the bundle zip
2. Edit files locally
3. Re-zip and upload via upload-url → deploy (creates a new version)
4. `GET /{app_id}/versions/{old}/diff/{new}` to review changes

Each deploy creates an immutable version record. Use `POST /{app_id}/versions/{n}/restore`
for instant rollback to any previous version."""


@router.post("/{app_id}/deploy", summary="Deploy an App", description=DEPLOY_DESCRIPTION, response_model=DeployResponse)
@takes_texts("source_files", 64 * 1024 * 1024)
async def deploy_app(app_id: str, body: DeployRequest, work: Work, caller: Deployer, parts: Parts) -> DeployResponse:
    """Queue a deploy."""
    app = await get_app(work, caller, app_id)
    deploy = await accept(
        work,
        parts.objects,
        parts.queue,
        parts.settings,
        app,
        DeployOrder(
            environment=body.environment,
            message=body.message,
            source=body.source,
            bundle_s3_key=body.bundle_s3_key,
            source_files=body.source_files,
            git_commit_sha=body.git_commit_sha,
            git_commit_message=body.git_commit_message,
            git_author=body.git_author,
            git_branch=body.git_branch,
            build=body.build,
            build_config=body.build_config.model_dump(exclude_none=True) if body.build_config else None,
        ),
        caller.actor,
    )
    return DeployResponse(
        app_id=app.id,
        deploy_id=deploy.id,
        status=QUEUED,
        environment=deploy.environment,
        message=body.message,
    )


@router.get("/{app_id}/deploys", summary="List Deploys", response_model=ListDeploysResponse)
async def list_deploys(
    app_id: str,
    work: Work,
    caller: Reader,
    parts: Parts,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> ListDeploysResponse:
    """List an app's deploys, newest first."""
    app = await get_app(work, caller, app_id)
    deploys, total = await find_deploys(work, app, limit=limit, offset=offset)
    described = [describe(parts.settings, app.slug, deploy) for deploy in deploys]
    cause = None
    queue = next(filter(None, map(waiting_in, deploys)), None)
    if queue is not None:
        limits = limits_in(parts.settings)
        cause = await waits_for(work, limits, app=app.id, organisation=app.org_id, queue=queue)
    return ListDeploysResponse(deploys=described, total=total, limit=limit, offset=offset, waits_for=cause)


@router.get("/{app_id}/deploys/{deploy_id}", summary="Get Deploy Status", response_model=DeployStatusResponse)
async def get_deploy_status(
    app_id: str, deploy_id: str, work: Work, caller: Reader, parts: Parts
) -> DeployStatusResponse:
    """Get the status of a deploy. Poll until it is `complete` or `failed`, or follow the log stream."""
    app = await get_app(work, caller, app_id)
    return describe(parts.settings, app.slug, await get_deploy(work, app, deploy_id))


@router.post("/{app_id}/deploys/{deploy_id}/cancel", summary="Cancel a Deploy", response_model=DeployStatusResponse)
async def cancel_deploy(
    app_id: str, deploy_id: str, work: Work, caller: Deployer, parts: Parts
) -> DeployStatusResponse:
    """Cancel a queued or building deploy. The deploy ends as failed at once, and the live version stays."""
    app = await get_app(work, caller, app_id)
    return describe(parts.settings, app.slug, await cancel(work, app, deploy_id, caller.actor))


@router.get(
    "/{app_id}/deploys/{deploy_id}/logs/stream",
    summary="Stream Deploy Logs",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream_deploy_logs(
    app_id: str,
    deploy_id: str,
    request: Request,
    work: Work,
    caller: Reader,
    parts: Parts,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """Follow a deploy's log as server-sent events: first all lines so far, then each new line until the deploy ends."""
    app = await get_app(work, caller, app_id)
    await get_deploy(work, app, deploy_id)
    place = LogPlace.of(bearer(request.headers.get("authorization")), app.id, deploy_id, last_event_id)
    return FollowedLog(parts, app.org_id, place).answer()


def describe(settings: Settings, slug: str, deploy: Deploy | DeployStatus) -> DeployStatusResponse:
    """Returns the response about a deploy of the app with that slug."""
    addresses = Addresses.of(settings)
    return DeployStatusResponse(
        deploy_id=deploy.id,
        app_id=deploy.app_id,
        status=deploy.status,
        environment=deploy.environment,
        source=deploy.source,
        bundle_s3_key=deploy.bundle_s3_key,
        message=deploy.message,
        queued_at=clock.iso(deploy.queued_at),
        queued_by=deploy.queued_by,
        error=deploy.error,
        error_code=deploy.error_code,
        smoke_test=SmokeTestResult.model_validate(deploy.smoke_test) if deploy.smoke_test else None,
        version=deploy.version,
        url=addresses.url(deploy.environment, slug),
        version_url=addresses.version_url(deploy.version, slug) if deploy.version else None,
        outcome=deploy.outcome,
        warnings=deploy.warnings,
        step=deploy.step,
        timings=in_order(deploy.timings),
        counts=DeployCounts.model_validate(deploy.counts) if deploy.counts else None,
        started_at=clock.iso(deploy.started_at),
        finished_at=clock.iso(deploy.finished_at),
        git_commit_sha=deploy.git_commit_sha,
        git_commit_message=deploy.git_commit_message,
        git_author=deploy.git_author,
        git_branch=deploy.git_branch,
        build=deploy.build,
    )
