"""The only code that changes the version which an environment serves."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from psycopg import DatabaseError
from sqlalchemy import select

from easel import clock
from easel.apps.errors import AppNotFoundError
from easel.apps.models import App
from easel.environments.errors import EnvironmentLockedError, EnvironmentNotFoundError
from easel.environments.models import Audit, Environment
from easel.environments.names import NAMES
from easel.environments.outcomes import LOCKED, MOVED, Outcome
from easel.storage.database import Transaction
from easel.storage.freshness import slot_of
from easel.storage.statements import statements
from easel.versions.errors import VersionPrunedError

_SQL = statements(__name__)


NEXT = 0
"""The value of `Move.sequence` for a move that gets its acceptance number only when the pointer moves."""


@dataclass(frozen=True, slots=True)
class Move:
    """A request to point an environment of an app at a recorded version (by number), with its author and reason.

    `sequence` is the acceptance number of the request. If it is lower than the number of the request that the
    environment follows, the move was overtaken and changes nothing. If it is NEXT, the move gets the next number when
    the pointer moves. If it is None (a publish, which changes only the configuration), the move neither overtakes nor
    is overtaken. `note` is for the audit.
    """

    app_id: str
    org_id: str
    environment: str
    version: int
    action: Literal["deploy", "restore", "promote", "publish"]
    actor: str
    sequence: int | None
    deploy_id: str | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class MoveResult:
    """The outcome of a move, and the state of the environment after it. `previous` is the version that the environment
    served before the move."""

    environment: str
    outcome: Outcome
    previous: int | None
    version: int | None
    revision: int
    locked: bool
    locked_by: str | None
    lock_reason: str | None


_PRUNED = "EAP01"
"""The code of the database's error for a move to a pruned version (migration 0009)."""
_MOVE = _SQL["move"]
_ASKED = [field.name for field in fields(Move)]
_NEXT_PLACE = _SQL["next_place"]


async def get_environment(work: Transaction, app: App, name: str, *, lock: bool = False) -> Environment:
    """Returns the environment of the app. With `lock`, locks its row until the commit. Raises
    EnvironmentNotFoundError."""
    statement = select(Environment).where(
        Environment.app_id == app.id, Environment.org_id == app.org_id, Environment.name == name
    )
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    environment = await work.session.scalar(statement)
    if environment is None:
        raise EnvironmentNotFoundError(environment=name)
    return environment


def new_environments(app: App) -> list[Environment]:
    """Returns the environments that a new app has. They point at no version."""
    return [Environment(app_id=app.id, org_id=app.org_id, name=name, revision=0, intent=0) for name in NAMES]


class AcceptancePlace(NamedTuple):
    """The number of a request in the order in which the app's requests are accepted, and the app's slug."""

    sequence: int
    slug: str


async def next_place(work: Transaction, app_id: str, org_id: str) -> AcceptancePlace:
    """Returns the next number in the order in which the app's requests are accepted. Locks the app's row until the
    commit, so that no two requests get the same number. Raises AppNotFoundError if the app was deleted after the caller
    read it."""
    taken = await work.sql(_NEXT_PLACE, {"app": app_id, "org": org_id})
    if not taken:
        raise AppNotFoundError(app_id=app_id)
    return AcceptancePlace(*taken[0])


async def move_pointer(work: Transaction, move: Move) -> MoveResult:
    """Moves the pointer of an environment, and writes its revision and an audit entry in the same transaction.

    Repeating a move changes only the intent. A locked environment stays unchanged (see `refuse_lock`). Raises
    VersionPrunedError. Raises EnvironmentNotFoundError, also if the app is deleted.
    """
    try:
        rows = await work.sql(_MOVE, {name: getattr(move, name) for name in _ASKED})
    except DatabaseError as error:
        if error.sqlstate == _PRUNED:
            raise VersionPrunedError(version=move.version) from None
        raise
    if not rows:
        raise EnvironmentNotFoundError(environment=move.environment)
    moved = MoveResult(move.environment, *rows[0])
    if moved.outcome == MOVED:
        work.mark(slot_of(move.app_id))
    return moved


def refuse_lock(moved: MoveResult) -> None:
    """Raises EnvironmentLockedError if the pointer did not move because the environment is locked."""
    if moved.outcome == LOCKED:
        raise locked_error(moved.environment, moved.locked_by, moved.lock_reason)


def locked_error(environment: str, locked_by: str | None, reason: str | None) -> EnvironmentLockedError:
    """Returns the error that says who locked this environment, and why."""
    return EnvironmentLockedError(
        environment=environment, locked_by=locked_by or "somebody", reason=reason or "no reason given"
    )


async def set_lock(
    work: Transaction, app: App, name: str, *, reason: str | None, actor: str, locked: bool
) -> Environment:
    """Locks or unlocks an environment. If it is already in this state, nothing changes (the reason and the owner of the
    first lock stay).

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


async def active_in(work: Transaction, app: App) -> dict[str, int | None]:
    """Returns the number of the version that each environment of the app serves (None for no version), by the
    environment's name."""
    rows = await work.session.execute(
        select(Environment.name, Environment.version).where(
            Environment.app_id == app.id, Environment.org_id == app.org_id
        )
    )
    return dict(rows.all())
