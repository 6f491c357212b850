"""Recording versions and reading them back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm.attributes import set_committed_value

from easel import clock
from easel.access.service import Principal
from easel.apps.config import config_hash
from easel.apps.errors import AppNotFoundError
from easel.apps.models import App
from easel.environments.models import Environment
from easel.storage.database import Transaction
from easel.versions.errors import VersionNotFoundError, VersionPrunedError
from easel.versions.models import Version


@dataclass(frozen=True, slots=True)
class Files:
    """The files a version is recorded with: where its manifest lies, and what it holds (sizes in bytes)."""

    manifest_key: str
    files_hash: str
    file_count: int
    total_bytes: int
    bundle_key: str | None
    bundle_name: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a version comes from: who made it, why, for which environment, from which sources."""

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
    previous_published: int | None = None


class HeldApp(NamedTuple):
    """What is recorded of an app with a version of it, and tested."""

    id: str
    org_id: str
    slug: str
    published: dict[str, Any]
    published_version: int | None


_HELD: LiteralString = (
    "select id, org_id, slug, published, published_version from app"
    " where id = %(app)s and org_id = %(org)s and deleted_at is null for no key update"
)


async def hold_app(work: Transaction, app_id: str, org_id: str) -> HeldApp | None:
    """The app with its row held until the commit, or None when it is gone: what a deploy needs of it."""
    held = await work.sql(_HELD, {"app": app_id, "org": org_id})
    return HeldApp(*held[0]) if held else None


_RECORD: LiteralString = """
with numbered as (
    update app set last_version = last_version + 1, updated_at = %(deployed_at)s
     where id = %(app_id)s and deleted_at is null
       and (%(held)s or (published = %(config)s and published_version is not distinct from %(config_version)s::integer))
    returning last_version
)
insert into version (
    app_id, number, org_id, kind, deploy_id, environment, manifest_key, bundle_key, bundle_name, files_hash, config,
    config_hash, content_hash, config_version, previous_published, source_files_key, file_count, total_bytes, message,
    deployed_by, deployed_at, build_duration_ms, git_commit_sha, git_commit_message, git_author
)
select %(app_id)s, last_version, %(org_id)s, %(kind)s::text, %(deploy_id)s, %(environment)s, %(manifest_key)s,
       %(bundle_key)s, %(bundle_name)s, %(files_hash)s, %(config)s, %(config_hash)s, %(content_hash)s,
       case %(kind)s::text when 'publish' then last_version else %(config_version)s end, %(previous_published)s,
       %(source_files_key)s, %(file_count)s, %(total_bytes)s, %(message)s, %(deployed_by)s, %(deployed_at)s,
       %(build_duration_ms)s, %(git_commit_sha)s, %(git_commit_message)s, %(git_author)s
  from numbered
returning number
"""


async def record(work: Transaction, app: App, origin: Origin, files: Files | None) -> Version:
    """Records the app's next version, with the configuration that is published now. The caller holds the app's row.

    The number is given in this transaction, under the app's row: no number is skipped and none is used twice.
    """
    row = _row(app, origin, files)
    ((number,),) = await work.sql(_RECORD, row | {"config": Jsonb(app.published), "held": True})
    row |= {"number": number, "config": app.published}
    if origin.kind == "publish":
        row["config_version"] = number
    set_committed_value(app, "last_version", number)
    return Version(**row)


async def record_deployed(work: Transaction, app: HeldApp, origin: Origin, files: Files) -> tuple[int, HeldApp] | None:
    """Records the app's next version, as `record` does, of an app whose row nobody holds yet: the version's number, and
    the app with the configuration that was recorded. None when the app is gone.

    That the app still is as it was read is for the same statement to see. Only if not is it read once more.
    """
    for held in (False, True):
        row = _row(app, origin, files)
        numbers = await work.sql(_RECORD, row | {"config": Jsonb(app.published), "held": held})
        if numbers:
            return int(numbers[0][0]), app
        now = await hold_app(work, app.id, app.org_id)
        if now is None:
            break
        app = now
    return None


def _row(app: App | HeldApp, origin: Origin, files: Files | None) -> dict[str, Any]:
    configuration = config_hash(app.published)
    return {
        "app_id": app.id,
        "org_id": app.org_id,
        "kind": origin.kind,
        "deploy_id": origin.deploy_id,
        "environment": origin.environment,
        "manifest_key": files.manifest_key if files else None,
        "bundle_key": files.bundle_key if files else None,
        "bundle_name": files.bundle_name if files else None,
        "files_hash": files.files_hash if files else None,
        "config_hash": configuration,
        "content_hash": content_hash(origin.kind, files.files_hash if files else None, configuration),
        "config_version": app.published_version,
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
    }


def content_hash(kind: str, files_hash: str | None, configuration: str) -> str:
    """A version's hash (SHA-256 hex): over files and configuration for a deploy, over the configuration alone for a
    publish, so that publishing the same configuration again gives the same hash."""
    if kind == "publish":
        return configuration
    return hashlib.sha256(f"{files_hash}\n{configuration}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What moving a pointer takes of a version and its app: far less than both hold."""

    app_id: str
    org_id: str
    slug: str
    number: int
    deploy_id: str | None
    manifest_key: str | None


_RECORDED: LiteralString = (
    "select app.id, app.org_id, slug, version.number, deploy_id, manifest_key, pruned.at from app"
    " left join version on version.app_id = app.id and version.number = %(number)s"
    " left join pruned on pruned.app_id = app.id and pruned.number = version.number"
    " where app.id = %(app)s and app.org_id = %(org)s and deleted_at is null"
)


async def find_recorded(work: Transaction, caller: Principal, app_id: str, number: int) -> Recorded:
    """One version of the caller's app, in one round trip. Raises AppNotFoundError, for another organisation's app just
    as for none, VersionNotFoundError, VersionPrunedError."""
    rows: list[tuple[Any, ...]] = []
    if caller.app_id is None or caller.app_id == app_id:
        known = number if 0 < number < 2**31 else 0
        rows = await work.sql(_RECORDED, {"app": app_id, "org": caller.org_id, "number": known})
    if not rows:
        raise AppNotFoundError(app_id=app_id)
    if rows[0][3] is None:
        raise VersionNotFoundError(version=number)
    *recorded, pruned_at = rows[0]
    if pruned_at is not None:
        raise VersionPrunedError(version=number)
    return Recorded(*recorded)


_VERSION = select(Version).where(
    Version.app_id == bindparam("app_id"), Version.org_id == bindparam("org_id"), Version.number == bindparam("number")
)


async def get_version(work: Transaction, app: App, number: int) -> Version:
    """One version of the app. Raises VersionNotFoundError."""
    version = None
    if 0 < number < 2**31:
        version = await work.session.scalar(_VERSION, {"app_id": app.id, "org_id": app.org_id, "number": number})
    if version is None:
        raise VersionNotFoundError(version=number)
    return version


async def list_versions(work: Transaction, app: App, *, limit: int, offset: int) -> tuple[list[Version], int]:
    """The app's versions, newest first, and how many there are in all."""
    mine = (Version.app_id == app.id, Version.org_id == app.org_id)
    rows = await work.session.scalars(
        select(Version).where(*mine).order_by(Version.number.desc()).limit(limit).offset(offset)
    )
    total = await work.session.scalar(select(func.count()).select_from(Version).where(*mine))
    return list(rows), total or 0


async def active_in(work: Transaction, app: App) -> dict[str, int | None]:
    """Which version each environment of the app serves."""
    rows = await work.session.execute(
        select(Environment.name, Environment.version).where(
            Environment.app_id == app.id, Environment.org_id == app.org_id
        )
    )
    return dict(rows.all())
