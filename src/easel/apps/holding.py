"""Whoever changes more than one row of an app holds the app's own row first.

Rows are taken app first, environment second, a deploy's own last: so no two transactions wait for each other, and no
pointer moves and nothing is recorded while somebody decides about the app's versions and objects.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, select

from easel.apps.models import App
from easel.storage.database import Transaction

S = TypeVar("S", bound=Select[Any])


def held(statement: S) -> S:
    """The statement about apps, which finds those alone that are not deleted and holds their rows until the commit.
    In a `.sql` file it is the part `apps.holding.held`."""
    return statement.where(App.deleted_at.is_(None)).with_for_update(key_share=True)


_HOLD = held(select(App.org_id).where(App.id == bindparam("app")))


async def hold(work: Transaction, app_id: str) -> str | None:
    """Holds the app's row until the commit: the id of its organisation, or None when the app is gone."""
    return await work.session.scalar(_HOLD, {"app": app_id})
