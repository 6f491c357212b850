"""The objects that the records need: the one rule for the sweep of orphans, backups and audits."""

from __future__ import annotations

from easel.storage.database import Transaction
from easel.storage.statements import statements

_SQL = statements(__name__)
KEYS = _SQL["keys"]
"""The statement of `needed_objects`, for callers with a connection of their own."""
IS_NEEDED = _SQL["is_needed"]
"""The statement that tells whether records of the `apps` (None for all) need the object `key`."""


async def needed_objects(work: Transaction, app_id: str) -> set[str]:
    """The keys of all objects that records of the app refer to; none when it is deleted."""
    return {key for (key,) in await work.sql(KEYS, {"apps": [app_id]})}
