"""Recording versions and reading them back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm.attributes import set_committed_value

from easel import clock
from easel.access.service import Subject
from easel.apps.config import Config, config_hash
from easel.apps.errors import AppNotFoundError
from easel.apps.models import App
from easel.serving.published import STORED
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
    """What is recorded of an app with a version of it, and tested: of the published configuration the hash (None where
    nobody knows it yet), what edges are told of it (`STORED`), and in `published` the little else that a deploy goes
    by, under the names that it has there."""

    id: str
    org_id: str
    slug: str
    published_hash: str | None
    published_version: int | None
    site: bytes
    published: dict[str, Any]


HELD_APP: LiteralString = f"""
app.id, app.org_id, slug, published_hash, published_version, {STORED}, (
    select jsonb_build_object(
        'build_config', jsonb_build_object(
            'allow', p.build_config -> 'allow',
            'api_allow', jsonb_array_length(nullif(p.build_config -> 'api_allow', 'null')) > 0),
        'auth_config', (
            select jsonb_object_agg(field.key, case field.key when 'mode' then field.value else 'true' end)
              from jsonb_each(nullif(p.auth_config, 'null')) as field
             where field.value not in ('null', 'false', '""', '[]', '{{}}')))
      from jsonb_to_record(published) as p (build_config jsonb, auth_config jsonb))
"""  # noqa: S608 (made of constants)
"""The columns of `HeldApp`. The configuration, which may be a hundred times as large, is unpacked in the database."""

_HELD: LiteralString = (
    f"select {HELD_APP} from app where id = %(app)s and org_id = %(org)s and deleted_at is null for no key update"  # noqa: S608
)
_PUBLISHED: LiteralString = "select published from app where id = %(app)s"
_KEEP_HASH: LiteralString = "update app set published_hash = %(hash)s where id = %(app)s"


async def hold_app(work: Transaction, app_id: str, org_id: str) -> HeldApp | None:
    """The app with its row held until the commit, or None when it is gone: what a deploy needs of it. The hash of its
    configuration is known then."""
    held = await work.sql(_HELD, {"app": app_id, "org": org_id})
    if not held:
        return None
    app = HeldApp(*held[0])
    if app.published_hash is None:
        ((published,),) = await work.sql(_PUBLISHED, {"app": app_id})
        app = app._replace(published_hash=config_hash(published))
        await work.sql(_KEEP_HASH, {"app": app_id, "hash": app.published_hash})
    return app


# The configuration goes from one row of the database into another, if at all.
_RECORD: LiteralString = """
with numbered as (
    update app set last_version = last_version + 1, updated_at = %(deployed_at)s{published}
     where id = %(app_id)s and deleted_at is null and {known}
    returning last_version, published
), configured as (
    insert into configuration (app_id, hash, org_id, config)
    select %(app_id)s, %(config_hash)s::text, %(org_id)s, published from numbered on conflict do nothing
)
insert into version (
    app_id, number, org_id, kind, deploy_id, environment, manifest_key, bundle_key, bundle_name, files_hash,
    config_hash, content_hash, config_version, previous_published, source_files_key, file_count, total_bytes, message,
    deployed_by, deployed_at, build_duration_ms, git_commit_sha, git_commit_message, git_author
)
select %(app_id)s, last_version, %(org_id)s, %(kind)s::text, %(deploy_id)s, %(environment)s, %(manifest_key)s,
       %(bundle_key)s, %(bundle_name)s, %(files_hash)s, %(config_hash)s::text, %(content_hash)s,
       case %(kind)s::text when 'publish' then last_version else %(config_version)s end, %(previous_published)s,
       %(source_files_key)s, %(file_count)s, %(total_bytes)s, %(message)s, %(deployed_by)s, %(deployed_at)s,
       %(build_duration_ms)s, %(git_commit_sha)s, %(git_commit_message)s, %(git_author)s
  from numbered
returning number
"""
_RECORD_DEPLOY: LiteralString = _RECORD.replace("{published}", "").replace(
    "{known}",
    "published_hash = %(config_hash)s::text and published_version is not distinct from %(config_version)s::integer",
)
_RECORD_PUBLISH: LiteralString = _RECORD.replace("{known}", "true").replace(
    "{published}",
    ", published_version = last_version + 1, published_at = %(deployed_at)s,"
    " draft_hash = %(config_hash)s::text, published_hash = %(config_hash)s::text{draft}",
)
_RECORD_SAME: LiteralString = _RECORD_PUBLISH.replace("{draft}", "")
_RECORD_DRAFT: LiteralString = _RECORD_PUBLISH.replace("{draft}", ", published = draft")


async def record_published(work: Transaction, app: App, origin: Origin, files: Files | None) -> int:
    """Makes the draft the published configuration, and records the app's next version with it: the version's number.

    The caller holds the app's row, and knows its hashes. The number is given in this transaction, under the app's row:
    no number is skipped and none is used twice.
    """
    assert app.draft_hash is not None
    row = _row(app.id, app.org_id, app.draft_hash, app.published_version, origin, files)
    same = app.draft_hash == app.published_hash
    ((number,),) = await work.sql(_RECORD_SAME if same else _RECORD_DRAFT, row)
    now = {"last_version": number, "published_version": number, "published_hash": app.draft_hash}
    now |= {"published_at": row["deployed_at"], "updated_at": row["deployed_at"]}
    for name, value in now.items():
        set_committed_value(app, name, value)
    return int(number)


async def record_deployed(work: Transaction, app: HeldApp, origin: Origin, files: Files) -> tuple[int, HeldApp] | None:
    """Records the app's next version, with the configuration that is published, of an app whose row nobody holds yet:
    the version's number, and the app with what was recorded. None when the app is gone.

    That the app still is as it was read is for the same statement to see. Only if not is it read once more.
    """
    for _ in range(2):
        if app.published_hash is not None:
            row = _row(app.id, app.org_id, app.published_hash, app.published_version, origin, files)
            numbers = await work.sql(_RECORD_DEPLOY, row)
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


async def find_recorded(work: Transaction, caller: Subject, app_id: str, number: int) -> Recorded:
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
_VERSIONS = select(Version).where(
    Version.app_id == bindparam("app_id"),
    Version.org_id == bindparam("org_id"),
    Version.number.in_(bindparam("numbers", expanding=True)),
)


async def get_version(work: Transaction, app: App, number: int) -> Version:
    """One version of the app. Raises VersionNotFoundError."""
    version = None
    if _is_number(number):
        version = await work.session.scalar(_VERSION, {"app_id": app.id, "org_id": app.org_id, "number": number})
    if version is None:
        raise VersionNotFoundError(version=number)
    return version


async def get_versions(work: Transaction, app: App, numbers: Sequence[int]) -> list[Version]:
    """These versions of the app, in this order. Raises VersionNotFoundError for the first that there is not."""
    known = [number for number in numbers if _is_number(number)]
    rows = await work.session.scalars(_VERSIONS, {"app_id": app.id, "org_id": app.org_id, "numbers": known})
    found = {version.number: version for version in rows}
    for number in numbers:
        if number not in found:
            raise VersionNotFoundError(version=number)
    return [found[number] for number in numbers]


def _is_number(number: int) -> bool:
    return 0 < number < 2**31


_CONFIGURATIONS: LiteralString = (
    "select hash, config from configuration"
    " where app_id = %(app)s and org_id = %(org)s and hash = any (%(hashes)s::text[])"
)


async def configurations_of(work: Transaction, app: App, versions: Sequence[Version]) -> dict[str, Config]:
    """The configurations of these versions by their hashes: each is read once, however many have it. Those that pruned
    versions have given up are missing."""
    hashes = sorted({version.config_hash for version in versions})
    return dict(await work.sql(_CONFIGURATIONS, {"app": app.id, "org": app.org_id, "hashes": hashes}))


_DETAILS: LiteralString = """
select (select config from configuration where app_id = %(app)s and org_id = %(org)s and hash = %(hash)s),
       exists (select from pruned where app_id = %(app)s and number = %(number)s)
"""


async def details_of(work: Transaction, version: Version) -> tuple[Config | None, bool]:
    """The version's configuration, and whether it is pruned: then it may have given its configuration up."""
    which = {"app": version.app_id, "org": version.org_id, "number": version.number, "hash": version.config_hash}
    ((config, pruned),) = await work.sql(_DETAILS, which)
    return config, pruned


class Listed(NamedTuple):
    """What a list shows of a version: all of it but its configuration."""

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
    pruned: bool


_LISTED: LiteralString = """
select v.number, kind, deploy_id, environment, manifest_key, files_hash, config_hash, content_hash, file_count,
       total_bytes, message, deployed_by, deployed_at, build_duration_ms, git_commit_sha,
       left(git_commit_message, 1000), left(git_author, 1000), p.number is not null
  from version v left join pruned p on p.app_id = v.app_id and p.number = v.number
 where v.app_id = %(app)s and v.org_id = %(org)s and v.number <= %(newest)s
 order by v.number desc limit %(limit)s offset %(offset)s
"""
_COUNTED: LiteralString = "select count(*) from version where app_id = %(app)s and org_id = %(org)s"


async def latest_versions(
    work: Transaction, app_id: str, org_id: str, *, limit: int, offset: int = 0, newest: int = 2**31 - 1
) -> list[Listed]:
    """The versions of the organisation's app, newest first, from the number `newest` on."""
    which = {"app": app_id, "org": org_id, "limit": limit, "offset": offset, "newest": newest}
    return [Listed(*row) for row in await work.sql(_LISTED, which)]


async def count_versions(work: Transaction, app: App) -> int:
    """How many versions the app has."""
    ((count,),) = await work.sql(_COUNTED, {"app": app.id, "org": app.org_id})
    return int(count)
