"""Records new versions, and reads recorded versions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm.attributes import set_committed_value

from easel import clock
from easel.access.service import Subject
from easel.apps.config import Config, config_hash
from easel.apps.errors import AppNotFoundError
from easel.apps.models import App
from easel.storage.database import Transaction
from easel.storage.statements import statements
from easel.versions.errors import VersionNotFoundError, VersionPrunedError
from easel.versions.models import Version

_SQL = statements(__name__)
LATEST = _SQL["latest"]
"""The SQL statement of `latest_versions`."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a new version: the key of its manifest, and the sizes of the files in bytes."""

    manifest_key: str
    files_hash: str
    file_count: int
    total_bytes: int
    bundle_key: str | None
    bundle_name: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a new version: its author, message, environment and sources."""

    kind: str
    environment: str
    message: str | None
    actor: str
    deploy_id: str | None = None
    build_duration_ms: int | None = None
    source_files_key: str | None = None
    git_commit_sha: str | None = None
    git_commit_message: str | None = None
    git_author: str | None = None
    git_branch: str | None = None
    previous_published: int | None = None


class HeldApp(NamedTuple):
    """The fields of an app that are needed to record and test a version. `published_hash` is the hash of the published
    configuration (None if unknown). `site` is this configuration in the form that edges read
    (`serving.published.encoded_site`). `published` has the other fields that a deploy needs."""

    id: str
    org_id: str
    slug: str
    published_hash: str | None
    published_version: int | None
    site: bytes
    published: dict[str, Any]


async def hold_app(work: Transaction, app_id: str, org_id: str) -> HeldApp | None:
    """Locks the app's row until the commit, and returns the fields of the app that a deploy needs. If the hash of its
    configuration is missing, it is computed. Returns None if the app is deleted."""
    held = await work.sql(_SQL["hold_app"], {"app": app_id, "org": org_id})
    if not held:
        return None
    app = HeldApp(*held[0])
    if app.published_hash is None:
        published = await work.session.scalar(select(App.published).where(App.id == app_id))
        assert published is not None
        app = app._replace(published_hash=config_hash(published))
        await work.session.execute(update(App).where(App.id == app_id).values(published_hash=app.published_hash))
    return app


async def record_published(work: Transaction, app: App, origin: Origin, files: Files | None) -> int:
    """Publishes the draft configuration, and records the app's next version with it. Returns the number of this
    version.

    The caller has locked the app's row, and has computed the app's hashes. The number is assigned in this transaction
    while the row is locked, so no number is skipped or used twice.
    """
    assert app.draft_hash is not None
    row = _row(app.id, app.org_id, app.draft_hash, app.published_version, origin, files)
    same = app.draft_hash == app.published_hash
    ((number,),) = await work.sql(_SQL["record_published_again" if same else "record_published"], row)
    now = {"last_version": number, "published_version": number, "published_hash": app.draft_hash}
    now |= {"published_at": row["deployed_at"], "updated_at": row["deployed_at"]}
    for name, value in now.items():
        set_committed_value(app, name, value)
    return int(number)


async def record_deployed(work: Transaction, app: HeldApp, origin: Origin, files: Files) -> tuple[int, HeldApp] | None:
    """Records the app's next version with the published configuration. The app's row need not be locked. Returns the
    number of this version and the app as recorded. Returns None if the app is deleted.

    The same statement checks that the app has not changed since it was read. If the app has changed, it is read again.
    """
    for _ in range(2):
        if app.published_hash is not None:
            row = _row(app.id, app.org_id, app.published_hash, app.published_version, origin, files)
            numbers = await work.sql(_SQL["record_deployed"], row)
            if numbers:
                return int(numbers[0][0]), app
        now = await hold_app(work, app.id, app.org_id)
        if now is None:
            break
        app = now
    return None


def _row(
    app_id: str, org_id: str, configuration: str, config_version: int | None, origin: Origin, files: Files | None
) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "org_id": org_id,
        "kind": origin.kind,
        "deploy_id": origin.deploy_id,
        "environment": origin.environment,
        "manifest_key": files.manifest_key if files else None,
        "bundle_key": files.bundle_key if files else None,
        "bundle_name": files.bundle_name if files else None,
        "files_hash": files.files_hash if files else None,
        "config_hash": configuration,
        "content_hash": content_hash(origin.kind, files.files_hash if files else None, configuration),
        "config_version": config_version,
        "previous_published": origin.previous_published,
        "source_files_key": origin.source_files_key,
        "file_count": files.file_count if files else 0,
        "total_bytes": files.total_bytes if files else 0,
        "message": origin.message,
        "deployed_by": origin.actor,
        "deployed_at": clock.now(),
        "build_duration_ms": origin.build_duration_ms,
        "git_commit_sha": origin.git_commit_sha,
        "git_commit_message": origin.git_commit_message,
        "git_author": origin.git_author,
        "git_branch": origin.git_branch,
    }


def content_hash(kind: str, files_hash: str | None, configuration: str) -> str:
    """Returns the hash (SHA-256 hex) of a version. For a deploy, it is computed from files and configuration. For a
    publish, it is computed only from the configuration, so publishing the same configuration again results in the same
    hash."""
    if kind == "publish":
        return configuration
    return hashlib.sha256(f"{files_hash}\n{configuration}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class VersionRef:
    """The parts of a version and its app that are needed to move a pointer to the version. The full rows are far
    larger."""

    app_id: str
    org_id: str
    slug: str
    number: int
    deploy_id: str | None
    manifest_key: str | None


async def find_recorded(work: Transaction, caller: Subject, app_id: str, number: int) -> VersionRef:
    """Returns one version of the caller's app, in one round trip. Raises VersionNotFoundError and VersionPrunedError.
    Raises AppNotFoundError if the app is missing or belongs to another organisation."""
    rows: list[tuple[Any, ...]] = []
    if caller.app_id is None or caller.app_id == app_id:
        known = number if 0 < number < 2**31 else 0
        rows = await work.sql(_SQL["find_recorded"], {"app": app_id, "org": caller.org_id, "number": known})
    if not rows:
        raise AppNotFoundError(app_id=app_id)
    if rows[0][3] is None:
        raise VersionNotFoundError(version=number)
    *recorded, pruned_at = rows[0]
    if pruned_at is not None:
        raise VersionPrunedError(version=number)
    return VersionRef(*recorded)


_VERSION = select(Version).where(
    Version.app_id == bindparam("app_id"), Version.org_id == bindparam("org_id"), Version.number == bindparam("number")
)
_VERSIONS = select(Version).where(
    Version.app_id == bindparam("app_id"),
    Version.org_id == bindparam("org_id"),
    Version.number.in_(bindparam("numbers", expanding=True)),
)


async def get_version(work: Transaction, app: App, number: int) -> Version:
    """Returns one version of the app by its number. Raises VersionNotFoundError."""
    version = None
    if _is_number(number):
        version = await work.session.scalar(_VERSION, {"app_id": app.id, "org_id": app.org_id, "number": number})
    if version is None:
        raise VersionNotFoundError(version=number)
    return version


async def get_versions(work: Transaction, app: App, numbers: Sequence[int]) -> list[Version]:
    """Returns the versions of the app with these numbers, in the order of the numbers. Raises VersionNotFoundError for
    the first missing version."""
    known = [number for number in numbers if _is_number(number)]
    rows = await work.session.scalars(_VERSIONS, {"app_id": app.id, "org_id": app.org_id, "numbers": known})
    found = {version.number: version for version in rows}
    for number in numbers:
        if number not in found:
            raise VersionNotFoundError(version=number)
    return [found[number] for number in numbers]


def _is_number(number: int) -> bool:
    return 0 < number < 2**31


async def configurations_of(work: Transaction, app: App, versions: Sequence[Version]) -> dict[str, Config]:
    """Returns the configurations of these versions by their hashes. Each configuration is read once, even if several
    versions have it. Configurations of pruned versions may be missing."""
    hashes = list({version.config_hash for version in versions})
    rows = await work.sql(_SQL["configurations"], {"app": app.id, "org": app.org_id, "hashes": hashes})
    return {sha256: msgspec.json.decode(text) for sha256, text in rows}


async def details_of(work: Transaction, version: Version) -> tuple[Config | None, bool]:
    """Returns the version's configuration, and whether the version is pruned. The configuration of a pruned version may
    be deleted."""
    which = {"app": version.app_id, "org": version.org_id, "number": version.number, "hash": version.config_hash}
    ((config, pruned),) = await work.sql(_SQL["details"], which)
    return config, pruned


class ListedVersion(NamedTuple):
    """A version in a list of an app's versions, with all fields except its configuration."""

    number: int
    kind: str
    deploy_id: str | None
    environment: str
    manifest_key: str | None
    files_hash: str | None
    config_hash: str
    content_hash: str
    file_count: int
    total_bytes: int
    message: str | None
    deployed_by: str | None
    deployed_at: datetime
    build_duration_ms: int | None
    git_commit_sha: str | None
    git_commit_message: str | None
    git_author: str | None
    git_branch: str | None
    pruned: bool


async def latest_versions(
    work: Transaction, app_id: str, org_id: str, *, limit: int, offset: int = 0, newest: int = 2**31 - 1
) -> list[ListedVersion]:
    """Returns a page of the app's versions, newest first. No version on it has a higher number than `newest`."""
    which = {"app": app_id, "org": org_id, "limit": limit, "offset": offset, "newest": newest}
    return [ListedVersion(*row) for row in await work.sql(LATEST, which)]


async def count_versions(work: Transaction, app: App) -> int:
    """Returns the number of versions of the app."""
    mine = (Version.app_id == app.id, Version.org_id == app.org_id)
    return await work.session.scalar(select(func.count()).select_from(Version).where(*mine)) or 0
