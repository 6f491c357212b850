"""The operations on apps."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query
from sqlalchemy import select

from easel import clock
from easel.apps.config import shown
from easel.apps.models import App
from easel.apps.publishing import publish, roll_back
from easel.apps.schemas import (
    AppListItem,
    AppResponse,
    CreateAppRequest,
    GenericDeleteResponse,
    ListAppsResponse,
    PublishAppRequest,
    UpdateAppRequest,
)
from easel.apps.service import (
    create_app as make_app,
)
from easel.apps.service import (
    delete_app as remove_app,
)
from easel.apps.service import (
    environments_of,
    has_unpublished_changes,
)
from easel.apps.service import (
    get_app as find_app,
)
from easel.apps.service import (
    list_apps as find_apps,
)
from easel.apps.service import (
    update_app as change_app,
)
from easel.environments.models import Environment
from easel.serving.addresses import address
from easel.settings import Settings
from easel.storage.database import Transaction
from easel.versions.keys import asset_prefix
from easel.versions.models import Version
from easel.versions.schemas import VersionRecord
from easel.web.context import Admin, Deployer, OrganisationAdmin, Parts, Reader, Work
from easel.web.limits import weighs
from easel.web.route import EaselRoute

router = APIRouter(prefix="/v1/apps", tags=["Apps"], route_class=EaselRoute)

RECENT_VERSIONS = 20
PUBLISH_MESSAGE = "Publish configuration"


@router.post("", summary="Create an App", response_model=AppResponse)
async def create_app(
    body: CreateAppRequest,
    work: Work,
    caller: OrganisationAdmin,
    parts: Parts,
    x_namespace: Annotated[str | None, Header(max_length=200)] = None,
) -> AppResponse:
    """Create an app. Only `slug` and `meta` are needed; it goes live with its first deploy."""
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
) -> ListAppsResponse:
    """List the organisation's apps, newest first."""
    apps, total = await find_apps(work, caller, limit=limit, offset=offset, template=template, slug=slug, search=search)
    environments = await environments_of(work, apps)
    prefixes = await _prefixes(work, environments)
    return ListAppsResponse(
        results=[_item(parts.settings, app, environments[app.id], prefixes) for app in apps],
        total_count=total,
        limit=limit,
        offset=offset,
        max_apps=parts.settings.max_apps or None,
    )


@router.get("/{app_id}", summary="Get an App", response_model=AppResponse)
async def get_app(app_id: str, work: Work, caller: Reader, parts: Parts) -> AppResponse:
    """Get one app: its draft configuration, its environments, its latest versions."""
    return await describe(work, parts.settings, await find_app(work, caller, app_id))


@router.patch("/{app_id}", summary="Update an App", response_model=AppResponse)
async def update_app(
    app_id: str, body: UpdateAppRequest, work: Work, caller: Admin, parts: Parts, dry_run: bool = False
) -> AppResponse:
    """Change the draft configuration by a JSON merge patch; `publish: true` makes it live in the same call.

    With `dry_run=true` the slug is checked and nothing is written.
    """
    app = await find_app(work, caller, app_id, lock=True)
    change = await change_app(
        work, parts.vault, app, body, dry_run=dry_run, reserved_for=parts.settings.slug_reserved_for
    )
    if body.publish and not dry_run:
        await publish(work, app, message=PUBLISH_MESSAGE, actor=caller.actor)
    return await describe(work, parts.settings, app, change.warnings)


@router.delete("/{app_id}", summary="Delete an App", response_model=GenericDeleteResponse)
async def delete_app(app_id: str, work: Work, caller: Admin) -> GenericDeleteResponse:
    """Delete an app. Its addresses are gone at once and its slug is free for its organisation; there is no way back."""
    await remove_app(work, await find_app(work, caller, app_id, lock=True))
    return GenericDeleteResponse()


@router.post("/{app_id}/publish", summary="Publish an App", response_model=AppResponse)
@weighs(5)
async def publish_app(
    app_id: str,
    work: Work,
    caller: Deployer,
    parts: Parts,
    body: Annotated[PublishAppRequest | None, Body()] = None,
) -> AppResponse:
    """Make the draft configuration live, and record it as a version."""
    app = await find_app(work, caller, app_id, lock=True)
    await publish(work, app, message=body.message if body else PUBLISH_MESSAGE, actor=caller.actor)
    return await describe(work, parts.settings, app, body.unknown_key_warnings() if body else None)


@router.post("/{app_id}/rollback", summary="Roll Back an App", response_model=AppResponse)
@weighs(5)
async def rollback_app(app_id: str, work: Work, caller: Deployer, parts: Parts) -> AppResponse:
    """Go back to the previously published configuration. For code, restore a version."""
    app = await find_app(work, caller, app_id, lock=True)
    warnings = await roll_back(work, app, actor=caller.actor)
    return await describe(work, parts.settings, app, warnings)


async def describe(work: Transaction, settings: Settings, app: App, warnings: list[str] | None = None) -> AppResponse:
    """The full answer about an app."""
    environments = (await environments_of(work, [app]))[app.id]
    prefixes = await _prefixes(work, {app.id: environments})
    versions = await work.session.scalars(
        select(Version)
        .where(Version.app_id == app.id, Version.org_id == app.org_id)
        .order_by(Version.number.desc())
        .limit(RECENT_VERSIONS)
    )
    config = shown(app.draft)
    defaults: dict[str, Any] = {
        "template": "generic",
        "sections": [],
        "custom_html": None,
        "hero": None,
        "theme": {},
        "seo": None,
        "stats": [],
        "featured_gallery": None,
        "tabs": [],
    }
    return AppResponse.model_validate(
        {
            **_shared(settings, app, environments, prefixes),
            **{name: config.get(name, default) for name, default in defaults.items()},
            "warnings": warnings or None,
            "auth_config": config.get("auth_config"),
            "build_config": config.get("build_config"),
            "versions": [_record(version) for version in versions],
            "password_protected": (config.get("auth_config") or {}).get("mode") == "password",
            "staging_url": _url(settings, app, "staging"),
        }
    )


def _item(
    settings: Settings, app: App, environments: list[Environment], prefixes: dict[tuple[str, int], str]
) -> AppListItem:
    config = shown(app.draft)
    return AppListItem.model_validate(
        {
            **_shared(settings, app, environments, prefixes),
            "template": config.get("template", "generic"),
            "auth_config": config.get("auth_config"),
            "build_config": config.get("build_config"),
        }
    )


def _shared(
    settings: Settings, app: App, environments: list[Environment], prefixes: dict[tuple[str, int], str]
) -> dict[str, Any]:
    config = shown(app.draft)
    return {
        "app_id": app.id,
        "slug": app.slug,
        "url": _url(settings, app, "production"),
        "meta": config["meta"],
        "is_active": app.is_active,
        "version": app.last_version,
        "has_unpublished_changes": has_unpublished_changes(app),
        "custom_domains": [],
        "monitoring_config": config.get("monitoring_config"),
        "environments": {
            environment.name: {
                "deploy_id": environment.deploy_id,
                "asset_prefix": prefixes.get((app.id, environment.version or 0), ""),
                "version": environment.version,
                "url": _url(settings, app, environment.name),
                "revision": environment.revision,
                "moved_at": clock.iso(environment.moved_at),
                "locked": environment.locked_at is not None,
                "lock_reason": environment.lock_reason,
            }
            for environment in environments
            if environment.version is not None or environment.locked_at is not None
        },
        "created_at": app.created_at,
        "updated_at": app.updated_at,
    }


def _url(settings: Settings, app: App, environment: str) -> str:
    return address(
        environment,
        app.slug,
        scheme=settings.edge_scheme,
        domain=settings.domain,
        port=settings.public_edge_port,
    )


async def _prefixes(work: Transaction, environments: dict[str, list[Environment]]) -> dict[tuple[str, int], str]:
    """The asset prefix of every version that one of these environments serves."""
    serving = {(e.app_id, e.version) for found in environments.values() for e in found if e.version is not None}
    if not serving:
        return {}
    rows = await work.session.execute(
        select(Version.app_id, Version.number, Version.manifest_key)
        .join(Environment, (Environment.app_id == Version.app_id) & (Environment.version == Version.number))
        .where(Version.app_id.in_({app_id for app_id, _ in serving}))
    )
    return {(app_id, number): asset_prefix(app_id, key) for app_id, number, key in rows}


def _record(version: Version) -> VersionRecord:
    return VersionRecord(
        version=version.number,
        asset_prefix=asset_prefix(version.app_id, version.manifest_key),
        deployed_by=version.deployed_by,
        deployed_at=version.deployed_at,
        environment=version.environment,
        build_duration_ms=version.build_duration_ms,
        message=version.message,
        git_commit_sha=version.git_commit_sha,
        git_commit_message=version.git_commit_message,
        git_author=version.git_author,
    )
