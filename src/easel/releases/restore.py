"""Moves the pointers of environments: restores an earlier version, or promotes staging to production."""

from __future__ import annotations

from easel.access.service import Subject
from easel.apps.changes import configuration_changed
from easel.apps.errors import AppNotFoundError
from easel.apps.service import get_app
from easel.environments.errors import NothingToPromoteError
from easel.environments.names import PRODUCTION, STAGING
from easel.environments.service import NEXT, Move, move_pointer, next_place, refuse_lock, set_lock
from easel.releases.publish import adopt_config
from easel.storage.database import Transaction
from easel.storage.statements import statements
from easel.versions.integrity import Verifier
from easel.versions.service import VersionRef, find_recorded, get_version

_STAGED = statements(__name__)["staged"]


async def restore(
    work: Transaction,
    verifier: Verifier,
    caller: Subject,
    app_id: str,
    number: int,
    *,
    environment: str,
    with_config: bool = False,
    lock: bool = False,
    lock_reason: str | None = None,
) -> VersionRef:
    """Points the environment at a recorded version after verifying the version's bytes. Nothing is built or copied.
    Raises AppNotFoundError, VersionNotFoundError, VersionHasNoFilesError, VersionPrunedError, VersionDamagedError,
    EnvironmentLockedError."""
    version = await find_recorded(work, caller, app_id, number)
    if verifier.far:
        await work.release()
    await verifier.verify(version)
    await work.resume()
    refuse_lock(
        await move_pointer(
            work,
            Move(
                app_id,
                caller.org_id,
                environment,
                number,
                action="restore",
                actor=caller.actor,
                sequence=NEXT,
                deploy_id=version.deploy_id,
                note="with its configuration" if with_config else None,
            ),
        )
    )
    if with_config or lock:
        # The app is read after the move, which locks the app's row, so that no concurrent change is lost.
        app = await get_app(work, caller, app_id, lock=True)
        if with_config:
            whole = await get_version(work, app, number)
            await adopt_config(work, app, whole.config_hash, whole.config_version, of=number)
            await configuration_changed(work, app_id)
        if lock:
            reason = lock_reason or "locked by a restore"
            await set_lock(work, app, environment, reason=reason, actor=caller.actor, locked=True)
    return version


async def promote(work: Transaction, verifier: Verifier, caller: Subject, app_id: str) -> VersionRef:
    """Points production at exactly the version that staging serves.

    Raises AppNotFoundError, NothingToPromoteError, VersionDamagedError, EnvironmentLockedError.
    """
    which = {"app": app_id, "org": caller.org_id, "from": STAGING}
    if caller.app_id not in (None, app_id):
        raise AppNotFoundError(app_id=app_id)
    whole = await _verified_before(work, verifier, which) if verifier.far else None
    # The app's row is locked first, in a separate statement, so that staging cannot move before production does.
    place = await next_place(work, app_id, caller.org_id)
    staged = await work.sql(_STAGED, which)
    if not staged:
        raise NothingToPromoteError()
    deploy_id, *recorded = staged[0]
    version = VersionRef(app_id, caller.org_id, place.slug, *recorded)
    if whole is None or version.manifest_key != whole:
        await verifier.verify(version)
    move = Move(
        app_id,
        caller.org_id,
        PRODUCTION,
        version.number,
        action="promote",
        actor=caller.actor,
        sequence=place.sequence,
        deploy_id=deploy_id,
    )
    refuse_lock(await move_pointer(work, move))
    return version


async def _verified_before(work: Transaction, verifier: Verifier, which: dict[str, str]) -> str | None:
    """Returns the key of the manifest that staging serves now, after verifying the version outside a transaction.
    Returns None if staging serves no version."""
    staged = await work.sql(_STAGED, which)
    await work.release()
    if not staged:
        await work.resume()
        return None
    version = VersionRef(which["app"], which["org"], "", *staged[0][1:])
    await verifier.verify(version)
    await work.resume()
    return version.manifest_key
