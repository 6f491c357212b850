"""The operations on versions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from easel import clock
from easel.api.http.context import Parts, Reader, Work
from easel.api.http.limits import weighs
from easel.api.http.route import EaselRoute
from easel.api.routes.uploads import public_base
from easel.apps.config import Config, masked
from easel.apps.models import App
from easel.apps.service import get_app
from easel.bundles.models import Manifest
from easel.environments.service import active_in
from easel.rules.changes import changes
from easel.serving.addresses import Addresses
from easel.settings import Settings
from easel.storage.errors import ObjectMissingError
from easel.storage.object_names import asset_prefix
from easel.storage.objects import ObjectStore
from easel.uploads.service import SignedAddress
from easel.versions import diff
from easel.versions.errors import VersionDamagedError, VersionHasNoFilesError, VersionPrunedError
from easel.versions.integrity import load_manifest
from easel.versions.models import Version
from easel.versions.pruning import pruned_among
from easel.versions.schemas import (
    DownloadUrlResponse,
    VersionDetailResponse,
    VersionDiffResponse,
    VersionListResponse,
)
from easel.versions.service import (
    ListedVersion,
    configurations_of,
    count_versions,
    details_of,
    get_versions,
    latest_versions,
)
from easel.versions.service import get_version as find_version

router = APIRouter(prefix="/v1/apps", tags=["Apps"], route_class=EaselRoute)

Number = Annotated[int, Path()]


@router.get("/{app_id}/versions", summary="List Versions", response_model=VersionListResponse)
async def list_versions(
    app_id: str,
    work: Work,
    caller: Reader,
    parts: Parts,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Response:
    """List an app's versions, newest first."""
    app = await get_app(work, caller, app_id)
    versions = await latest_versions(work, app.id, app.org_id, limit=limit, offset=offset)
    total = await count_versions(work, app)
    active = await active_in(work, app)
    facts = _facts_of(parts.settings, app, active)
    # The list may hold a thousand versions, so the fastest encoder writes it. The schema is VersionListResponse's.
    listed = [facts(version, version.pruned) for version in versions]
    return Response(msgspec.json.encode({"versions": listed, "total": total}), media_type="application/json")


@router.get("/{app_id}/versions/{version}", summary="Get a Version", response_model=VersionDetailResponse)
@weighs(5)
async def get_version(app_id: str, version: Number, work: Work, caller: Reader, parts: Parts) -> VersionDetailResponse:
    """Get one version with its manifest, source files and configuration."""
    app = await get_app(work, caller, app_id)
    found = await find_version(work, app, version)
    config, pruned = await details_of(work, found)
    active = await active_in(work, app)
    await work.release()
    manifest = await manifest_of(parts.objects, found)
    sources = await _sources(parts.objects, found)
    return VersionDetailResponse.model_construct(
        **_facts_of(parts.settings, app, active)(found, pruned),
        asset_manifest={
            path: {
                "s3_key": f"{manifest.bundles[member.bundle].key}#{path}",
                "hash": member.hash,
                "size": member.size,
                "content_type": member.type,
            }
            for path, member in manifest.files.items()
        }
        if manifest
        else None,
        source_files=sources,
        config=masked(config) if config is not None else None,
    )


@router.get(
    "/{app_id}/versions/{from_version}/diff/{to_version}",
    summary="Diff Versions",
    response_model=VersionDiffResponse,
)
@weighs(10)
async def diff_versions(
    app_id: str, from_version: Number, to_version: Number, work: Work, caller: Reader, parts: Parts
) -> Response:
    """Compare two versions, in either order: their files, their configurations, and their sources if both versions have
    sources."""
    app = await get_app(work, caller, app_id)
    old, new = await get_versions(work, app, (from_version, to_version))
    configs = await configurations_of(work, app, (old, new))
    await work.release()
    manifests = await manifest_of(parts.objects, old), await manifest_of(parts.objects, new)
    sources = await _sources(parts.objects, old), await _sources(parts.objects, new)
    return await asyncio.to_thread(_diff, app.id, old, new, configs, manifests, sources)


def _diff(
    app_id: str,
    old: Version,
    new: Version,
    configs: Mapping[str, Config],
    manifests: tuple[Manifest | None, Manifest | None],
    sources: tuple[dict[str, str] | None, dict[str, str] | None],
) -> Response:
    contents = diff.contents(manifests[0]), diff.contents(manifests[1])
    before, after = sources
    old_config, new_config = configs.get(old.config_hash, {}), configs.get(new.config_hash, {})
    if old.config_hash not in configs or new.config_hash not in configs:
        # One of the two versions is pruned. Compared with an empty configuration, every section would seem changed.
        old_config = new_config = {}
    paths = diff.section_paths({**old_config, **new_config}, (*contents, before or {}, after or {}))
    files = diff.compare(*contents)
    old_sections = diff.configuration(old_config, paths)
    new_sections = diff.configuration(new_config, paths) if new_config is not old_config else old_sections
    settings = diff.compare(old_sections, new_sections)
    everything = sorted(files + settings, key=attrgetter("path"))
    texts = diff.config_diff(old_config, new_config, paths)
    if before is not None and after is not None:
        texts = {**diff.source_diff(before, after), **texts}
    # There may be thousands of files, so the fastest encoder writes them. The schema is VersionDiffResponse's.
    body = msgspec.json.encode(
        {
            "app_id": app_id,
            "from_version": old.number,
            "to_version": new.number,
            "files": everything,
            "summary": diff.summarise(everything),
            "source_diff": texts if texts or (before is not None and after is not None) else None,
            "renames": diff.renames(files),
            "configuration": {path: section for section, path in paths.items()},
            "from_content_hash": old.content_hash,
            "to_content_hash": new.content_hash,
            "from_total_bytes": old.total_bytes,
            "to_total_bytes": new.total_bytes,
            "rules": changes(*(manifest.rules if manifest is not None else None for manifest in manifests)),
        }
    )
    return Response(body, media_type="application/json")


@router.get("/{app_id}/versions/{version}/download", summary="Download a Version", response_model=DownloadUrlResponse)
async def download_version(
    app_id: str, version: Number, request: Request, work: Work, caller: Reader, parts: Parts
) -> DownloadUrlResponse:
    """Get a presigned URL to the zip of a version, byte for byte as it was uploaded."""
    app = await get_app(work, caller, app_id)
    found = await find_version(work, app, version)
    if found.bundle_key is None:
        raise VersionHasNoFilesError(version=version)
    if await pruned_among(work, app.id, [version]):
        raise VersionPrunedError(version=version)
    await work.release()
    if await parts.objects.head(found.bundle_key) is None:
        raise VersionDamagedError(version=version, reason="its bundle is missing from the object store")
    expires = parts.settings.download_expires
    if "GET" in parts.objects.presigns:
        url = await parts.objects.presigned("GET", found.bundle_key, expires)
    else:
        until = int(clock.now().timestamp()) + expires
        signed = SignedAddress("GET", found.bundle_key, until, "", f"{app.slug}-v{found.number}.zip")
        url = signed.url(parts.vault, public_base(parts.settings, request))
    return DownloadUrlResponse(
        download_url=url,
        version=found.number,
        asset_prefix=asset_prefix(app.id, found.manifest_key),
        expires_in=expires,
    )


async def manifest_of(objects: ObjectStore, version: Version) -> Manifest | None:
    """Returns the manifest of a version. Returns None if the version has no files. Raises VersionDamagedError and the
    store's errors."""
    return await load_manifest(objects, version) if version.manifest_key is not None else None


async def _sources(objects: ObjectStore, version: Version) -> dict[str, str] | None:
    if version.source_files_key is None:
        return None
    try:
        return msgspec.json.decode(await objects.get(version.source_files_key), type=dict[str, str])
    except (ObjectMissingError, msgspec.MsgspecError) as error:
        raise VersionDamagedError(
            version=version.number, reason="its source files are missing from the object store"
        ) from error


def _facts_of(
    settings: Settings, app: App, active: dict[str, int | None]
) -> Callable[[Version | ListedVersion, bool], dict[str, Any]]:
    """Returns a function from a version of the app to its fields in lists. The function's second argument is true if
    the version is pruned."""
    app_id = app.id
    addresses = Addresses.of(settings)
    nowhere = dict.fromkeys(active, False)

    def facts(version: Version | ListedVersion, pruned: bool) -> dict[str, Any]:
        number = version.number
        serves = number in active.values()
        return {
            "version": number,
            "s3_version_id": None,
            "asset_prefix": asset_prefix(app_id, version.manifest_key),
            "deployed_by": version.deployed_by,
            "deployed_at": clock.iso(version.deployed_at),
            "environment": version.environment,
            "build_duration_ms": version.build_duration_ms,
            "message": version.message,
            "git_commit_sha": version.git_commit_sha,
            "git_commit_message": version.git_commit_message,
            "git_author": version.git_author,
            "git_branch": version.git_branch,
            "is_active": {name: served == number for name, served in active.items()} if serves else nowhere,
            "kind": version.kind,
            "content_hash": version.content_hash,
            "config_hash": version.config_hash,
            "files_hash": version.files_hash,
            "deploy_id": version.deploy_id,
            "file_count": version.file_count,
            "total_bytes": version.total_bytes,
            "pruned": pruned,
            "url": addresses.version_url(number, app.slug),
        }

    return facts
