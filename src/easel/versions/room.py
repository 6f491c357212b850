"""Limits the total size of an organisation's configurations. Versions are kept for ever, and each different
configuration is stored completely."""

from __future__ import annotations

from easel.storage.database import Transaction
from easel.storage.statements import statements
from easel.versions.errors import ConfigurationBytesLimitError

_SQL = statements(__name__)

LARGE = 64 * 1024
"""Size in bytes on disk above which a configuration counts as large. Only large configurations are refused, so an
organisation at its limit can still publish configurations of the usual size."""


async def configuration_bytes(work: Transaction, organisation: str) -> int:
    """Returns the number of bytes that the configurations of an organisation's versions take on disk."""
    ((used,),) = await work.sql(_SQL["used"], {"org": organisation})
    return int(used)


async def require_room(work: Transaction, app_id: str, organisation: str, draft_hash: str, limit: int) -> None:
    """Raises ConfigurationBytesLimitError if a draft may not be published, because it is large and the organisation's
    configurations already have `limit` bytes or more. A draft that a version of the app already has is always accepted.
    A limit of 0 means unlimited."""
    if not limit:
        return
    arguments = {"app": app_id, "org": organisation, "hash": draft_hash, "large": LARGE}
    for (used,) in await work.sql(_SQL["configurations"], arguments):
        if used >= limit:
            raise ConfigurationBytesLimitError(limit=limit, used=used, retryable=False)
