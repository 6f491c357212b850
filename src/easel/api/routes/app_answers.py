"""Builds responses about apps: in full, in lists, and completed from an abridged response."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import select

from easel import clock
from easel.access.service import Subject
from easel.api.http.limits import HEAVY
from easel.apps.config import Config, masked
from easel.apps.errors import AppNotFoundError
from easel.apps.models import App
from easel.apps.schemas import AppResponse, VersionRecord
from easel.apps.service import ListedApp, ServedEnvironment, Surroundings, surroundings_of, with_hashes
from easel.serving.addresses import PRODUCTION, STAGING, Addresses
from easel.settings import Settings
from easel.storage.database import Transaction
from easel.storage.object_names import asset_prefix
from easel.versions.models import Configuration
from easel.versions.service import ListedVersion, latest_versions

RECENT_VERSIONS = 20

_KEPT = (
    "app_id",
    "slug",
    "url",
    "is_active",
    "version",
    "has_unpublished_changes",
    "custom_domains",
    "repo_url",
    "repo_branch",
    "github_installation_id",
    "environments",
    "created_at",
    "updated_at",
    "warnings",
    "staging_url",
    "draft_hash",
)


async def describe(work: Transaction, settings: Settings, app: App, warnings: list[str] | None = None) -> AppResponse:
    """Returns the full response about an app. The app's draft must be loaded."""
    await with_hashes(work, app)
    around = (await surroundings_of(work, [app.id]))[app.id]
    versions = await latest_versions(work, app.id, app.org_id, limit=RECENT_VERSIONS)
    rest = {
        "app_id": app.id,
        "slug": app.slug,
        "url": Addresses.of(settings).url(PRODUCTION, app.slug),
        "is_active": app.is_active,
        "version": app.last_version,
        "has_unpublished_changes": app.draft_hash != app.published_hash,
        "custom_domains": [],
        "repo_url": around.repo_url,
        "repo_branch": around.repo_branch,
        "github_installation_id": around.github_installation_id,
        "environments": _environments(settings, app.id, app.slug, around.served),
        "created_at": app.created_at,
        "updated_at": app.updated_at,
        "warnings": warnings or None,
        "staging_url": Addresses.of(settings).url(STAGING, app.slug),
        "draft_hash": app.draft_hash,
    }
    if len(msgspec.json.encode(app.draft)) > HEAVY:
        return await asyncio.to_thread(_whole, rest, app.draft, versions)
    return _whole(rest, app.draft, versions)


def _whole(rest: Mapping[str, Any], draft: Config, versions: list[ListedVersion]) -> AppResponse:
    """Returns the response about an app, built from its draft, its versions, and all other parts."""
    config = masked(draft)
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
            **rest,
            **{name: config.get(name, default) for name, default in defaults.items()},
            "meta": config["meta"],
            "auth_config": config.get("auth_config"),
            "build_config": config.get("build_config"),
            "monitoring_config": config.get("monitoring_config"),
            "password_protected": (config.get("auth_config") or {}).get("mode") == "password",
            "versions": [_record(rest["app_id"], version) for version in versions],
        }
    )


def abridge(answer: bytes) -> bytes:
    """Returns the response without the parts that the database can restore: the configuration and the versions."""
    whole = msgspec.json.decode(answer)
    return msgspec.json.encode({name: whole[name] for name in _KEPT})


async def complete(work: Transaction, caller: Subject, abridged: bytes) -> bytes:
    """Restores a response that `abridge` has shortened. A draft that is in no version and has changed since is shown in
    its current state. Raises AppNotFoundError if the app was deleted and swept."""
    rest = msgspec.json.decode(abridged)
    app_id, organisation = rest["app_id"], caller.org_id
    recorded = select(Configuration.config).where(
        Configuration.app_id == app_id, Configuration.org_id == organisation, Configuration.hash == rest["draft_hash"]
    )
    draft = select(App.draft).where(App.id == app_id, App.org_id == organisation, App.swept_at.is_(None))
    config = await work.session.scalar(recorded)
    if config is None:
        config = await work.session.scalar(draft)
    if config is None:
        raise AppNotFoundError(app_id=app_id)
    versions = await latest_versions(work, app_id, organisation, limit=RECENT_VERSIONS, newest=rest["version"])
    return _whole(rest, config, versions).model_dump_json().encode()


def list_item(settings: Settings, app: ListedApp, around: Surroundings) -> dict[str, Any]:
    """Returns the fields of an app in a list of apps, as in AppListItem."""
    return {
        "app_id": app.id,
        "slug": app.slug,
        "url": Addresses.of(settings).url(PRODUCTION, app.slug),
        "meta": app.listed["meta"],
        "is_active": app.is_active,
        "version": app.last_version,
        "has_unpublished_changes": app.has_unpublished_changes,
        "template": app.listed["template"],
        "custom_domains": [],
        "auth_config": None,
        "build_config": None,
        "monitoring_config": masked(app.listed["monitoring_config"]),
        "repo_url": around.repo_url,
        "repo_branch": around.repo_branch,
        "environments": _environments(settings, app.id, app.slug, around.served),
        "created_at": clock.iso(app.created_at),
        "updated_at": clock.iso(app.updated_at),
    }


def _environments(settings: Settings, app_id: str, slug: str, served: list[ServedEnvironment]) -> dict[str, Any]:
    return {
        environment.name: {
            "deploy_id": environment.deploy_id,
            "asset_prefix": asset_prefix(app_id, environment.manifest_key),
            "version": environment.version,
            "url": Addresses.of(settings).url(environment.name, slug),
            "revision": environment.revision,
            "moved_at": clock.iso(environment.moved_at),
            "locked": environment.locked,
            "lock_reason": environment.lock_reason,
        }
        for environment in served
    }


def _record(app_id: str, version: ListedVersion) -> VersionRecord:
    return VersionRecord(
        version=version.number,
        asset_prefix=asset_prefix(app_id, version.manifest_key),
        deployed_by=version.deployed_by,
        deployed_at=version.deployed_at,
        environment=version.environment,
        build_duration_ms=version.build_duration_ms,
        message=version.message,
        git_commit_sha=version.git_commit_sha,
        git_commit_message=version.git_commit_message,
        git_author=version.git_author,
    )
