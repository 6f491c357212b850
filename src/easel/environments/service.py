"""The pointer function: the only code that changes what an environment serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, LiteralString

from psycopg import DatabaseError
from sqlalchemy import select

from easel import clock
from easel.apps.errors import AppNotFoundError
from easel.apps.models import App
from easel.environments.errors import EnvironmentLockedError, EnvironmentNotFoundError
from easel.environments.models import Audit, Environment
from easel.environments.names import NAMES
from easel.storage.database import Transaction
from easel.storage.freshness import slot_of
from easel.versions.errors import VersionPrunedError

Outcome = Literal["moved", "unchanged", "locked", "overtaken"]


NEXT = 0
"""The sequence of a move that takes its place in acceptance order as it is made."""


@dataclass(frozen=True, slots=True)
class Move:
    """What asking for a move gave, and the environment as it is now; `previous` is the version it served before."""

    environment: str
    outcome: Outcome
    previous: int | None
    version: int | None
    revision: int
    locked: bool
    locked_by: str | None
    lock_reason: str | None


_PRUNED = "EAP01"
"""What the database answers where a pruned version is asked for (migration 0009)."""
_MOVE: LiteralString = (
    "select outcome, previous, version, revision, locked, locked_by, lock_reason from easel_move_pointer("
    "%(app)s::text, %(org)s::text, %(environment)s::text, %(version)s::integer, %(action)s::text, %(actor)s::text,"
    " %(sequence)s::bigint, %(deploy)s::text, %(note)s::text)"
)


async def get_environment(work: Transaction, app: App, name: str, *, lock: bool = False) -> Environment:
    """The environment of the app. Raises EnvironmentNotFoundError. `lock` holds its row until the commit."""
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
    """The environments every app starts with, pointing at nothing."""
    return [Environment(app_id=app.id, org_id=app.org_id, name=name, revision=0, intent=0) for name in NAMES]


_NEXT_SEQUENCE: LiteralString = (
    "update app set last_sequence = last_sequence + 1 where id = %(app)s and deleted_at is null returning last_sequence"
)


async def next_sequence(work: Transaction, app: App) -> int:
    """The app's next place in acceptance order. Holds the app's row until the commit, so that order is one.

    Raises AppNotFoundError: the app may have been deleted since it was read.
    """
    taken = await work.sql(_NEXT_SEQUENCE, {"app": app.id})
    if not taken:
        raise AppNotFoundError(app_id=app.id)
    return int(taken[0][0])


async def move_pointer(
    work: Transaction,
    app_id: str,
    org_id: str,
    name: str,
    number: int,
    *,
    action: str,
    actor: str,
    sequence: int | None,
    deploy_id: str | None,
    note: str | None = None,
) -> Move:
    """Points an environment at a recorded version (by number), and writes audit and revision in the same transaction.

    `sequence` is the acceptance number of what asks; a lower one than the environment already follows was overtaken
    and changes nothing. NEXT takes the next one here. None (a publish, which changes configuration only) neither
    overtakes nor is overtaken. Asking again for what already is changes nothing but the intent. A locked environment
    is left as it is; see `refuse_lock`. It is one function in the database (migration 0003), so that the
    compare-and-swap, the audit and the change signal are one round trip. Raises EnvironmentNotFoundError,
    also when the app is deleted, and VersionPrunedError.
    """
    try:
        rows = await work.sql(
            _MOVE,
            {
                "app": app_id,
                "org": org_id,
                "environment": name,
                "version": number,
                "action": action,
                "actor": actor,
                "sequence": sequence,
                "deploy": deploy_id,
                "note": note,
            },
        )
    except DatabaseError as error:
        if error.sqlstate == _PRUNED:
            raise VersionPrunedError(version=number) from None
        raise
    if not rows:
        raise EnvironmentNotFoundError(environment=name)
    move = Move(name, *rows[0])
    if move.outcome == "moved":
        work.mark(slot_of(app_id))
    return move


def refuse_lock(move: Move) -> Move:
    """The move, unless a lock stopped it. Raises EnvironmentLockedError."""
    if move.outcome == "locked":
        raise locked_error(move.environment, move.locked_by, move.lock_reason)
    return move


def locked_error(environment: str, locked_by: str | None, reason: str | None) -> EnvironmentLockedError:
    """The error that names the lock of this environment."""
    return EnvironmentLockedError(
        environment=environment, locked_by=locked_by or "somebody", reason=reason or "no reason given"
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


async def active_in(work: Transaction, app: App) -> dict[str, int | None]:
    """Which version each environment of the app serves."""
    rows = await work.session.execute(
        select(Environment.name, Environment.version).where(
            Environment.app_id == app.id, Environment.org_id == app.org_id
        )
    )
    return dict(rows.all())
