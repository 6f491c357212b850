"""Creates, finds, changes, publishes and deletes apps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import undefer
from sqlalchemy.orm.attributes import set_committed_value

from easel import clock
from easel.access.models import Organisation
from easel.access.secrets import MASK, Vault
from easel.access.service import Subject
from easel.apps.changes import routing_changed
from easel.apps.config import SECTIONS, Config, config_hash, merge_patch, seal, size_and_hash
from easel.apps.errors import (
    AccessModeNotBuiltError,
    AppNotFoundError,
    ConfigInvalidError,
    ConfigTooLargeError,
    EnvVarsTooLargeError,
    TooManyAppsError,
)
from easel.apps.models import App
from easel.apps.row_lock import held
from easel.apps.rules import check_slug
from easel.apps.schemas import CreateAppRequest, UpdateAppRequest
from easel.apps.slugs import flush_slug, refuse_many, refuse_taken
from easel.ids import new_id
from easel.schemas import SEALED
from easel.serving.published import encoded, published_site, to_store
from easel.storage.database import Transaction
from easel.storage.statements import statements

_SQL = statements(__name__)

CONFIG_LIMIT = 2 * 1024 * 1024
ENV_VARS_LIMIT = 64 * 1024
"""Maximum size (bytes) of an app's public variables, as JSON in UTF-8. Edges cache the variables of every app, and
every page contains the variables of its app."""


@dataclass(frozen=True, slots=True)
class AppChange:
    """An app that was changed, and the notes for the user about the change."""

    app: App
    warnings: list[str] = field(default_factory=list)


# The statement is built once, because compiling it takes as long as running it.
_APP = select(App).where(App.id == bindparam("app_id"), App.org_id == bindparam("org_id"), App.deleted_at.is_(None))
_APP_HELD = held(_APP).execution_options(populate_existing=True)
_WITH_DRAFT = {False: _APP.options(undefer(App.draft)), True: _APP_HELD.options(undefer(App.draft))}


async def get_app(
    work: Transaction, caller: Subject, app_id: str, *, lock: bool = False, with_draft: bool = False
) -> App:
    """Returns the caller's app. Its draft is loaded only on request, and its published configuration is never loaded,
    because both may be large. Raises AppNotFoundError if the app is missing, or belongs to another organisation."""
    app = None
    if caller.app_id is None or caller.app_id == app_id:
        statement = _WITH_DRAFT[lock] if with_draft else _APP_HELD if lock else _APP
        app = await work.session.scalar(statement, {"app_id": app_id, "org_id": caller.org_id})
    if app is None:
        raise AppNotFoundError(app_id=app_id)
    return app


class ListedApp(NamedTuple):
    """The fields of an app in a list. Its draft has only the fields of `App.listed`."""

    id: str
    slug: str
    is_active: bool
    last_version: int
    has_unpublished_changes: bool
    listed: dict[str, Any]
    created_at: datetime
    updated_at: datetime


# An earlier release stored no hash, so the database compares the configurations.
_UNPUBLISHED = func.coalesce(App.draft_hash != App.published_hash, App.draft != App.published)
_LISTED = select(
    App.id, App.slug, App.is_active, App.last_version, _UNPUBLISHED, App.listed, App.created_at, App.updated_at
)


async def list_apps(
    work: Transaction,
    caller: Subject,
    *,
    limit: int,
    offset: int,
    template: str | None = None,
    slug: str | None = None,
    search: str | None = None,
) -> tuple[list[ListedApp], int]:
    """Returns the organisation's apps, newest first, and the total number of matches. `search` is part of the slug or
    title."""
    wanted = [App.org_id == caller.org_id, App.deleted_at.is_(None)]
    if caller.app_id is not None:
        wanted.append(App.id == caller.app_id)
    if slug is not None:
        wanted.append(App.slug == slug)
    if template is not None:
        wanted.append(App.listed["template"].astext == template)
    if search:
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        wanted.append(App.slug.ilike(pattern) | App.listed["meta"]["title"].astext.ilike(pattern))
    rows = await work.session.execute(
        _LISTED.where(*wanted).order_by(App.created_at.desc(), App.id.desc()).limit(limit).offset(offset)
    )
    total = await work.session.scalar(select(func.count()).select_from(App).where(*wanted))
    return [ListedApp(*row) for row in rows], total or 0


async def add_app(
    work: Transaction,
    vault: Vault,
    caller: Subject,
    request: CreateAppRequest,
    *,
    max_apps: int | None,
    namespace: str | None,
    reserved_for: float,
) -> App:
    """Adds an app without environments, which `releases.create` adds. Raises the Slug…Errors, TooManyAppsError,
    ConfigTooLargeError, EnvVarsTooLargeError.

    `reserved_for` is the number of seconds for which a slug stays reserved for its former organisation.
    """
    slug = check_slug(request.slug)
    if max_apps is not None:
        await work.session.execute(select(Organisation.id).where(Organisation.id == caller.org_id).with_for_update())
        current = await work.session.scalar(
            select(func.count()).where(App.org_id == caller.org_id, App.deleted_at.is_(None))
        )
        if (current or 0) >= max_apps:
            raise TooManyAppsError(current=current, used=current, limit=max_apps)
    await refuse_taken(work, slug, caller.org_id, reserved_for)
    given = request.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    # Hashing a password or a large configuration takes long, so it runs in a thread.
    config = await asyncio.to_thread(seal, vault, {name: given[name] for name in SECTIONS if name in given}, {})
    digest = _check_size(config)
    _check_env_vars(config, {})
    _check_access(config)
    now = clock.now()
    app = App(
        id=new_id("app"),
        org_id=caller.org_id,
        slug=slug,
        namespace=namespace,
        is_active=request.is_active is not False,
        draft=config,
        published=config,
        draft_hash=digest,
        published_hash=digest,
        site=to_store(encoded(published_site(config))),
        last_version=0,
        last_sequence=0,
        created_at=now,
        updated_at=now,
    )
    work.session.add(app)
    await flush_slug(work, app, reserved_for)
    return app


async def update_app(
    work: Transaction, vault: Vault, app: App, request: UpdateAppRequest, *, dry_run: bool, reserved_for: float
) -> AppChange:
    """Applies a merge patch to the draft. Changes of slug and is_active take effect at once. A dry run only checks the
    patch.

    The caller has locked the app's row, and has loaded the draft. `reserved_for` is as in `add_app`. Raises the
    Slug…Errors, ConfigInvalidError, ConfigTooLargeError, EnvVarsTooLargeError.
    """
    warnings = request.unknown_key_warnings()
    patch = request.model_dump(mode="json", exclude_unset=True)
    slug = app.slug
    if request.slug is not None and request.slug != app.slug:
        slug = check_slug(request.slug)
        await refuse_taken(work, slug, app.org_id, reserved_for)
        await refuse_many(work, app.org_id, reserved_for)
    changed = {name: patch[name] for name in SECTIONS if name in patch}
    draft, digest = await asyncio.to_thread(_patched, vault, app.slug, app.draft, changed)
    if dry_run:
        warnings.append("This was a dry run: nothing was changed.")
        return AppChange(app, warnings)
    active = app.is_active if request.is_active is None else request.is_active
    if not active:
        warnings.append("The app is offline, so all its addresses respond with 404 from now on.")
    renamed, switched = slug != app.slug, active != app.is_active
    set_draft(app, draft, digest)
    app.slug, app.is_active, app.updated_at = slug, active, clock.now()
    if renamed:
        await flush_slug(work, app, reserved_for)
    else:
        await work.session.flush()
    if renamed or switched:
        await routing_changed(work, app.id, hosts=True)
    return AppChange(app, warnings)


def set_draft(app: App, draft: Config, digest: str) -> None:
    """Replaces the app's draft and its hash. An equal draft is not rewritten."""
    if digest != app.draft_hash:
        app.draft, app.draft_hash = draft, digest


def _patched(vault: Vault, slug: str, draft: Config, patch: Config) -> tuple[Config, str]:
    # The patch is merged into stored values, whose secrets are encrypted. Encrypting the result then keeps the secrets
    # that the patch masks.
    merged = merge_patch(draft, patch)
    sealed = seal(vault, merged, draft)
    _check_valid(slug, merged)
    digest = _check_size(sealed)
    _check_env_vars(sealed, draft)
    _check_access(sealed)
    return sealed, digest


def _check_valid(slug: str, config: Config) -> None:
    try:
        CreateAppRequest.model_validate({"slug": slug, **_plain(config)})
    except ValidationError as error:
        fields = [{"loc": list(e["loc"]), "msg": e["msg"], "type": e["type"]} for e in error.errors()[:100]]
        raise ConfigInvalidError(validation_errors=fields) from error


def _plain(value: Any) -> Any:
    """Returns the value with a plain string in place of each encrypted secret, because the schema requires strings."""
    if isinstance(value, dict):
        return MASK if SEALED in value else {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _check_access(config: Config) -> None:
    """Refuses access protection that is not supported yet, because the app would only seem protected."""
    mode = (config.get("auth_config") or {}).get("mode") or "public"
    if mode != "public":
        raise AccessModeNotBuiltError(mode=mode)


def _check_size(config: Config) -> str:
    """Returns the configuration's hash. Raises ConfigTooLargeError if the configuration is too large."""
    size, digest = size_and_hash(config)
    if size > CONFIG_LIMIT:
        raise ConfigTooLargeError(size=size, limit=CONFIG_LIMIT)
    return digest


def _check_env_vars(config: Config, before: Config) -> None:
    """Raises EnvVarsTooLargeError if the public variables exceed their limit and differ from the variables in `before`.
    An app from an earlier release may exceed the limit until its variables change."""
    variables = published_site(config).variables_json
    if variables != published_site(before).variables_json:
        size = len(memoryview(variables))
        if size > ENV_VARS_LIMIT:
            raise EnvVarsTooLargeError(size=size, limit=ENV_VARS_LIMIT)


async def with_hashes(work: Transaction, app: App) -> None:
    """Computes missing hashes of the app's configurations, which an earlier release did not store."""
    if app.draft_hash is None or app.published_hash is None:
        found = await work.session.execute(select(App.draft, App.published).where(App.id == app.id))
        draft, published = found.one()
        set_committed_value(app, "draft_hash", config_hash(draft))
        set_committed_value(app, "published_hash", config_hash(published))


async def delete_app(work: Transaction, app: App) -> None:
    """Deletes the app. Its addresses respond with 404 at once, its organisation may use the slug again, and a
    background job removes its objects later."""
    app.deleted_at = clock.now()
    await work.session.flush()
    await routing_changed(work, app.id, hosts=True)


def clear_build_cache(app: App) -> None:
    """Invalidates the app's build cache. Builders delete the files of the cache when they next build the app, or when
    they need space."""
    app.build_cache_generation += 1


class ServedEnvironment(NamedTuple):
    """An environment of an app that serves a version or is locked, and the key of the manifest that it serves."""

    name: str
    version: int | None
    deploy_id: str | None
    revision: int
    moved_at: datetime | None
    locked: bool
    lock_reason: str | None
    manifest_key: str | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The parts of a response about an app that are not in the app's row: the branch that the app follows, and its
    served environments."""

    repo_url: str | None
    repo_branch: str | None
    github_installation_id: int | None
    served: list[ServedEnvironment]


_SURROUNDINGS = _SQL["surroundings"]


async def surroundings_of(work: Transaction, apps: list[str]) -> dict[str, Surroundings]:
    """Returns, for each of the caller's apps with these ids, the parts of a response that are not in the app's row."""
    found: dict[str, Surroundings] = {}
    for app, repo_url, branch, installation, *environment in await work.sql(_SURROUNDINGS, {"apps": apps}):
        around = found.get(app)
        if around is None:
            around = found[app] = Surroundings(repo_url, branch, installation, [])
        served = ServedEnvironment(*environment)
        if served.version is not None or served.locked:
            around.served.append(served)
    return found
