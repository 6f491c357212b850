"""The operations on apps."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Body, Header, Query, Response

from easel.api.http.context import Admin, Deployer, OrganisationAdmin, Parts, Reader, Work
from easel.api.http.limits import weighs
from easel.api.http.route import EaselRoute, abridged
from easel.api.routes.app_answers import abridge, complete, describe, list_item
from easel.apps.schemas import (
    AppResponse,
    CreateAppRequest,
    GenericDeleteResponse,
    ListAppsResponse,
    PublishAppRequest,
    UpdateAppRequest,
)
from easel.apps.service import (
    delete_app as remove_app,
)
from easel.apps.service import (
    get_app as find_app,
)
from easel.apps.service import (
    list_apps as find_apps,
)
from easel.apps.service import (
    surroundings_of,
)
from easel.apps.service import (
    update_app as change_app,
)
from easel.releases.create import create_app as make_app
from easel.releases.publish import publish, roll_back
from easel.repositories.service import forget

router = APIRouter(prefix="/v1/apps", tags=["Apps"], route_class=EaselRoute)

PUBLISH_MESSAGE = "Publish configuration"


@router.post("", summary="Create an App", response_model=AppResponse)
@abridged(abridge, complete)
async def create_app(
    body: CreateAppRequest,
    work: Work,
    caller: OrganisationAdmin,
    parts: Parts,
    x_namespace: Annotated[str | None, Header(max_length=200)] = None,
) -> AppResponse:
    """Create an app. Only `slug` and `meta` are required. The app goes live with its first deploy."""
    app = await make_app(
        work,
        parts.vault,
        caller,
        body,
        max_apps=parts.settings.max_apps or None,
        namespace=x_namespace,
        reserved_for=parts.settings.slug_reserved_for,
    )
    return await describe(work, parts.settings, app, body.unknown_key_warnings())


@router.get("", summary="List Apps", response_model=ListAppsResponse)
async def list_apps(
    work: Work,
    caller: Reader,
    parts: Parts,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    template: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    slug: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    search: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
) -> Response:
    """List the organisation's apps, newest first, without `auth_config` and `build_config`. The response about a single
    app contains these.

    Strings of more than 1,000 characters are left out, and a title of that length is truncated.
    """
    apps, total = await find_apps(work, caller, limit=limit, offset=offset, template=template, slug=slug, search=search)
    around = await surroundings_of(work, [app.id for app in apps])
    # The list may hold a thousand apps, so the fastest encoder writes it. The schema is ListAppsResponse's.
    body = msgspec.json.encode(
        {
            "results": [list_item(parts.settings, app, around[app.id]) for app in apps],
            "total_count": total,
            "limit": limit,
            "offset": offset,
            "max_apps": parts.settings.max_apps or None,
        }
    )
    return Response(body, media_type="application/json")


@router.get("/{app_id}", summary="Get an App", response_model=AppResponse)
async def get_app(app_id: str, work: Work, caller: Reader, parts: Parts) -> AppResponse:
    """Get one app: its draft configuration, its environments, its latest versions."""
    return await describe(work, parts.settings, await find_app(work, caller, app_id, with_draft=True))


@router.patch("/{app_id}", summary="Update an App", response_model=AppResponse)
async def update_app(
    app_id: str, body: UpdateAppRequest, work: Work, caller: Admin, parts: Parts, dry_run: bool = False
) -> AppResponse:
    """Change the draft configuration by a JSON merge patch. With `publish: true`, the same call makes the draft live.

    With `dry_run=true`, the slug is checked and nothing is written.
    """
    app = await find_app(work, caller, app_id, lock=True, with_draft=True)
    change = await change_app(
        work, parts.vault, app, body, dry_run=dry_run, reserved_for=parts.settings.slug_reserved_for
    )
    if body.publish and not dry_run:
        most = parts.settings.max_configuration_bytes
        await publish(work, app, message=PUBLISH_MESSAGE, actor=caller.actor, most_bytes=most)
    return await describe(work, parts.settings, app, change.warnings)


@router.delete("/{app_id}", summary="Delete an App", response_model=GenericDeleteResponse)
async def delete_app(app_id: str, work: Work, caller: Admin) -> GenericDeleteResponse:
    """Delete an app for good. Its addresses stop responding at once, and its slug is free for its organisation."""
    app = await find_app(work, caller, app_id, lock=True)
    await remove_app(work, app)
    await forget(work, app.id)
    return GenericDeleteResponse()


@router.post("/{app_id}/publish", summary="Publish an App", response_model=AppResponse)
@weighs(5)
@abridged(abridge, complete)
async def publish_app(
    app_id: str,
    work: Work,
    caller: Deployer,
    parts: Parts,
    body: Annotated[PublishAppRequest | None, Body()] = None,
) -> AppResponse:
    """Make the draft configuration live, and record it as a version."""
    app = await find_app(work, caller, app_id, lock=True, with_draft=True)
    message = body.message if body else PUBLISH_MESSAGE
    await publish(work, app, message=message, actor=caller.actor, most_bytes=parts.settings.max_configuration_bytes)
    return await describe(work, parts.settings, app, body.unknown_key_warnings() if body else None)


@router.post("/{app_id}/rollback", summary="Roll Back an App", response_model=AppResponse)
@weighs(5)
@abridged(abridge, complete)
async def rollback_app(app_id: str, work: Work, caller: Deployer, parts: Parts) -> AppResponse:
    """Go back to the previously published configuration. To go back to earlier code, restore a version."""
    app = await find_app(work, caller, app_id, lock=True)
    warnings = await roll_back(work, app, actor=caller.actor)
    return await describe(work, parts.settings, app, warnings)
