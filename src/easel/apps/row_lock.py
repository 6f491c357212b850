"""The lock order of an app's rows: every change of several rows locks the app's own row first.

The order is: app, environment, deploy. Thus, no two transactions deadlock, and pointers and records stay unchanged
while a transaction decides about the app's versions and objects.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, select

from easel.apps.models import App
from easel.storage.database import Transaction

S = TypeVar("S", bound=Select[Any])


def held(statement: S) -> S:
    """Restricts a statement on apps to existing apps, and makes the statement lock their rows until the commit. In a
    `.sql` file, this condition is the part `apps.row_lock.held`."""
    return statement.where(App.deleted_at.is_(None)).with_for_update(key_share=True)


_HOLD = held(select(App.org_id).where(App.id == bindparam("app")))


async def hold(work: Transaction, app_id: str) -> str | None:
    """Locks the app's row until the commit. Returns the id of its organisation, or None if the app is deleted."""
    return await work.session.scalar(_HOLD, {"app": app_id})
