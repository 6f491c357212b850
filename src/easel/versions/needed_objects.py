"""The objects that the records refer to. The orphan sweep, backups and audits all use this one rule."""

from __future__ import annotations

from easel.storage.database import Transaction
from easel.storage.statements import statements

_SQL = statements(__name__)
KEYS = _SQL["keys"]
"""The statement of `needed_objects`, for callers with their own connection."""
IS_NEEDED = _SQL["is_needed"]
"""The statement that checks whether records of the `apps` (None for all) need the object `key`."""


async def needed_objects(work: Transaction, app_id: str) -> set[str]:
    """Returns the keys of all objects that records of the app refer to. Returns no keys if the app is deleted."""
    return {key for (key,) in await work.sql(KEYS, {"apps": [app_id]})}
