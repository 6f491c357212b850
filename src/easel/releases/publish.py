"""Publishes an app's draft configuration, and rolls back to the previously published configuration."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, literal, select, update
from sqlalchemy.orm.attributes import set_committed_value

from easel import clock
from easel.apps.changes import configuration_changed
from easel.apps.errors import NothingToRollBackError
from easel.apps.models import App
from easel.apps.service import with_hashes
from easel.environments.models import Audit, Environment
from easel.environments.names import PRODUCTION
from easel.environments.service import Move, get_environment, locked_error, move_pointer
from easel.storage.database import Transaction
from easel.versions.errors import VersionPrunedError
from easel.versions.models import Configuration, Version
from easel.versions.room import require_room
from easel.versions.service import Files, Origin, get_version, record_published

_MESSAGE = 1000
"""Maximum number of characters of a commit message. A publish copies the message from the version whose files it
keeps."""


async def publish(work: Transaction, app: App, *, message: str, actor: str, most_bytes: int = 0) -> int:
    """Makes the app's draft configuration live, and records it with production's current files as a version. Returns
    the number of this version.

    The caller has locked the app's row. `most_bytes` is the limit of the organisation's stored configurations. Raises
    ConfigurationBytesLimitError. Raises EnvironmentLockedError while production is locked.
    """
    production = await _unlocked_production(work, app)
    serving = await get_version(work, app, production.version) if production.version is not None else None
    await with_hashes(work, app)
    if app.draft_hash is not None and app.draft_hash != app.published_hash:
        await require_room(work, app.id, app.org_id, app.draft_hash, most_bytes)
    number = await record_published(
        work,
        app,
        Origin(
            kind="publish",
            environment=PRODUCTION,
            message=message,
            actor=actor,
            deploy_id=production.deploy_id,
            previous_published=app.published_version,
            source_files_key=serving.source_files_key if serving else None,
            git_commit_sha=serving.git_commit_sha if serving else None,
            git_commit_message=(serving.git_commit_message or "")[:_MESSAGE] or None if serving else None,
            git_author=serving.git_author if serving else None,
            git_branch=serving.git_branch if serving else None,
        ),
        _files_of(serving),
    )
    if serving is not None:
        move = Move(
            app.id,
            app.org_id,
            PRODUCTION,
            number,
            action="publish",
            actor=actor,
            sequence=None,
            deploy_id=production.deploy_id,
        )
        await move_pointer(work, move)
    await configuration_changed(work, app.id)
    return number


async def roll_back(work: Transaction, app: App, *, actor: str) -> list[str]:
    """Makes the configuration live that was live before the current one. Returns notes on the change.

    Until an app's first publish, the live configuration is the configuration that the app was created with. All
    versions of that time have this configuration. The served code stays the same. Raises NothingToRollBackError,
    EnvironmentLockedError, VersionPrunedError.
    """
    production = await _unlocked_production(work, app)
    if app.published_version is None:
        raise NothingToRollBackError()
    current = await get_version(work, app, app.published_version)
    earlier = current.previous_published
    target = await get_version(work, app, earlier) if earlier is not None else await _before(work, app, current)
    if target is None:
        raise NothingToRollBackError()
    kept = not await adopt_config(work, app, target.config_hash, earlier, of=target.number, shown=True)
    work.session.add(
        Audit(
            org_id=app.org_id,
            app_id=app.id,
            environment=PRODUCTION,
            action="rollback",
            actor=actor,
            from_version=production.version,
            to_version=production.version,
            revision=production.revision,
            deploy_id=production.deploy_id,
            note=f"configuration of version {current.number} → {target.number}",
            at=clock.now(),
        )
    )
    await work.session.flush()
    await configuration_changed(work, app.id)
    return ["The draft contains unpublished changes, which were kept."] if kept else []


async def _before(work: Transaction, app: App, version: Version) -> Version | None:
    """Returns the app's version that was recorded just before `version`, or None."""
    return await work.session.scalar(
        select(Version)
        .where(Version.org_id == app.org_id, Version.app_id == app.id, Version.number < version.number)
        .order_by(Version.number.desc())
        .limit(1)
    )


async def adopt_config(
    work: Transaction, app: App, configuration: str, version: int | None, *, of: int, shown: bool = False
) -> bool:
    """Makes the configuration of the version `of` live. The configuration is stored under the hash `configuration`. The
    draft is replaced too, if it has no changes of its own. Returns true if the draft was replaced.

    With `shown`, the app object has its current draft afterwards. The caller has locked the app's row. A configuration
    is copied only inside the database. Raises VersionPrunedError if the version's configuration was pruned.
    """
    await with_hashes(work, app)
    follows = app.draft_hash == app.published_hash
    now: dict[str, Any] = {
        "published_hash": configuration,
        "draft_hash": configuration if follows else app.draft_hash,
        "published_version": version,
    }
    at = clock.now()
    now |= {"published_at": at, "updated_at": at}
    adopt = update(App).where(App.id == app.id).values(now).execution_options(synchronize_session=False)
    if app.published_hash != configuration:
        adopt = adopt.where(Configuration.app_id == App.id, Configuration.hash == configuration)
        adopt = adopt.values(published=Configuration.config)
        if follows:
            adopt = adopt.values(draft=Configuration.config)
    adopted = (await work.session.execute(adopt.returning(case((literal(shown), App.draft))))).one_or_none()
    if adopted is None:
        raise VersionPrunedError(version=of)
    if shown:
        now |= {"draft": adopted[0]}
    for name, value in now.items():
        set_committed_value(app, name, value)
    return follows


async def _unlocked_production(work: Transaction, app: App) -> Environment:
    production = await get_environment(work, app, PRODUCTION, lock=True)
    if production.locked_at is not None:
        raise locked_error(PRODUCTION, production.locked_by, production.lock_reason)
    return production


def _files_of(version: Version | None) -> Files | None:
    if version is None or version.manifest_key is None or version.files_hash is None:
        return None
    return Files(
        manifest_key=version.manifest_key,
        files_hash=version.files_hash,
        file_count=version.file_count,
        total_bytes=version.total_bytes,
        bundle_key=version.bundle_key,
        bundle_name=version.bundle_name,
    )
