"""The pointer function: the only code that changes what an environment serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select, update

from easel import clock
from easel.apps.models import App
from easel.apps.routing import routing_changed
from easel.environments.errors import EnvironmentLockedError, EnvironmentNotFoundError, PointerMovedError
from easel.environments.models import Audit, Environment
from easel.storage.database import Transaction
from easel.versions.models import Version

NAMES = ("production", "staging")

Outcome = Literal["moved", "unchanged", "locked", "overtaken"]


@dataclass(frozen=True, slots=True)
class Move:
    """What asking for a move gave. `environment` is the row as it is now; `previous` the version it served before."""

    outcome: Outcome
    environment: Environment
    previous: int | None


async def get_environment(work: Transaction, app: App, name: str, *, lock: bool = False) -> Environment:
    """The environment of the app. Raises EnvironmentNotFoundError. `lock` holds its row until the commit."""
    statement = select(Environment).where(
        Environment.app_id == app.id, Environment.org_id == app.org_id, Environment.name == name
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    environment = await work.session.scalar(statement)
    if environment is None:
        raise EnvironmentNotFoundError(environment=name)
    return environment


def new_environments(app: App) -> list[Environment]:
    """The environments every app starts with, pointing at nothing."""
    return [Environment(app_id=app.id, org_id=app.org_id, name=name, revision=0, intent=0) for name in NAMES]


async def next_sequence(work: Transaction, app: App) -> int:
    """The app's next place in acceptance order. Holds the app's row until the commit, so that order is one."""
    sequence = await work.session.scalar(
        update(App).where(App.id == app.id).values(last_sequence=App.last_sequence + 1).returning(App.last_sequence)
    )
    assert isinstance(sequence, int)
    return sequence


async def move_pointer(
    work: Transaction,
    app: App,
    name: str,
    version: Version,
    *,
    action: str,
    actor: str,
    sequence: int | None,
    deploy_id: str | None,
    note: str | None = None,
) -> Move:
    """Points an environment at a recorded version, and writes audit and revision in the same transaction.

    `sequence` is the acceptance number of what asks; a lower one than the environment already follows was overtaken
    and changes nothing. None (a publish, which changes configuration only) neither overtakes nor is overtaken.
    Asking again for what already is changes nothing either. A locked environment is left as it is; see `refuse_lock`.
    Raises EnvironmentNotFoundError, PointerMovedError.
    """
    environment = await get_environment(work, app, name, lock=True)
    previous = environment.version
    if environment.locked_at is not None:
        return Move("locked", environment, previous)
    if sequence is not None and sequence < environment.intent:
        return Move("overtaken", environment, previous)
    intent = environment.intent if sequence is None else sequence
    same = environment.version == version.number
    if same and intent == environment.intent:
        return Move("unchanged", environment, previous)
    revision = environment.revision if same else environment.revision + 1
    moved_at = environment.moved_at if same else clock.now()
    moved = await work.session.execute(
        update(Environment)
        .where(
            Environment.app_id == app.id,
            Environment.name == name,
            Environment.revision == environment.revision,
            Environment.intent == environment.intent,
        )
        .values(version=version.number, deploy_id=deploy_id, revision=revision, intent=intent, moved_at=moved_at)
        .returning(Environment.revision)
    )
    if moved.scalar_one_or_none() is None:
        raise PointerMovedError(environment=name)
    work.session.add(
        Audit(
            org_id=app.org_id,
            app_id=app.id,
            environment=name,
            action=action,
            actor=actor,
            from_version=previous,
            to_version=version.number,
            revision=revision,
            deploy_id=deploy_id,
            note=note,
            at=clock.now(),
        )
    )
    await work.session.flush()
    await work.session.refresh(environment)
    if not same:
        await routing_changed(work, app.id)
    return Move("unchanged" if same else "moved", environment, previous)


def refuse_lock(move: Move) -> Move:
    """The move, unless a lock stopped it. Raises EnvironmentLockedError."""
    if move.outcome == "locked":
        raise locked_error(move.environment)
    return move


def locked_error(environment: Environment) -> EnvironmentLockedError:
    """The error that names the lock of this environment."""
    return EnvironmentLockedError(
        environment=environment.name,
        locked_by=environment.locked_by or "somebody",
        reason=environment.lock_reason or "no reason given",
    )


async def set_lock(
    work: Transaction, app: App, name: str, *, reason: str | None, actor: str, locked: bool
) -> Environment:
    """Locks or unlocks an environment; doing so twice changes nothing (the first lock's reason and owner stay).

    Raises EnvironmentNotFoundError.
    """
    environment = await get_environment(work, app, name, lock=True)
    if (environment.locked_at is not None) == locked:
        return environment
    environment.lock_reason = reason if locked else None
    environment.locked_by = actor if locked else None
    environment.locked_at = clock.now() if locked else None
    work.session.add(
        Audit(
            org_id=app.org_id,
            app_id=app.id,
            environment=name,
            action="lock" if locked else "unlock",
            actor=actor,
            from_version=environment.version,
            to_version=environment.version,
            revision=environment.revision,
            note=reason,
            at=clock.now(),
        )
    )
    await work.session.flush()
    return environment
