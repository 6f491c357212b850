"""What people do with pointers: restore a version, promote staging."""

from __future__ import annotations

from easel import clock
from easel.apps.models import App
from easel.apps.publishing import adopt_config
from easel.apps.routing import routing_changed
from easel.environments.errors import NothingToPromoteError
from easel.environments.service import (
    NEXT,
    Move,
    get_environment,
    move_pointer,
    next_sequence,
    refuse_lock,
    set_lock,
)
from easel.storage.database import Transaction
from easel.versions.models import Version
from easel.versions.service import get_version
from easel.versions.verify import Verifier


async def restore(
    work: Transaction,
    verifier: Verifier,
    app: App,
    number: int,
    *,
    environment: str,
    actor: str,
    with_config: bool = False,
    lock: bool = False,
    lock_reason: str | None = None,
) -> tuple[Version, Move]:
    """Points the environment at the version, once its bytes are known to be whole. Nothing is built or copied.

    Raises VersionNotFoundError, VersionHasNoFilesError, VersionDamagedError, EnvironmentLockedError.
    """
    version = await get_version(work, app, number)
    await verifier.verify(version)
    move = refuse_lock(
        await move_pointer(
            work,
            app.id,
            app.org_id,
            environment,
            version.number,
            action="restore",
            actor=actor,
            sequence=NEXT,
            deploy_id=version.deploy_id,
            note="with its configuration" if with_config else None,
        )
    )
    if with_config:
        adopt_config(app, version.config, version.config_version, clock.now())
        await work.session.flush()
        await routing_changed(work, app.id)
    if lock:
        await set_lock(work, app, environment, reason=lock_reason or "locked by a restore", actor=actor, locked=True)
    return version, move


async def promote(work: Transaction, verifier: Verifier, app: App, *, actor: str) -> tuple[Version, Move]:
    """Points production at exactly the version that staging serves.

    Raises NothingToPromoteError, VersionDamagedError, EnvironmentLockedError.
    """
    # The sequence first: it holds the app's row, so staging cannot move between looking and pointing.
    sequence = await next_sequence(work, app)
    staging = await get_environment(work, app, "staging")
    if staging.version is None:
        raise NothingToPromoteError()
    version = await get_version(work, app, staging.version)
    await verifier.verify(version)
    move = await move_pointer(
        work,
        app.id,
        app.org_id,
        "production",
        version.number,
        action="promote",
        actor=actor,
        sequence=sequence,
        deploy_id=staging.deploy_id,
    )
    return version, refuse_lock(move)
