"""Finds the objects that the records in the database refer to. The orphan sweep, backups and audits all use this one
rule."""

from __future__ import annotations

from easel.storage.database import Transaction
from easel.storage.statements import statements

_SQL = statements(__name__)
KEYS = _SQL["keys"]
"""The SQL statement of `needed_objects`, for callers that have their own connection."""
IS_NEEDED = _SQL["is_needed"]
"""The SQL statement that checks whether the records of the given `apps` (None for all) refer to the object `key`."""


async def needed_objects(work: Transaction, app_id: str) -> set[str]:
    """Returns the keys of all objects that the app's records refer to. Returns no keys if the app is deleted."""
    return {key for (key,) in await work.sql(KEYS, {"apps": [app_id]})}
