"""The one way to tell every edge that an app's routing changed."""

from __future__ import annotations

from typing import LiteralString

from easel.storage.channels import CHANGES_CHANNEL
from easel.storage.database import Transaction
from easel.storage.freshness import HOSTS_SLOT, slot_of

_CHANGED: LiteralString = (
    "with changed as (update app set changed_xid = pg_current_xact_id() where id = %(app)s::text)"
    " select pg_notify(%(channel)s::text, %(app)s::text)"
)


async def routing_changed(work: Transaction, app_id: str, *, hosts: bool = False) -> None:
    """Marks the app's routing as changed in this transaction: edges here know at commit, all others by NOTIFY.

    `hosts` says that the set of host names changed too (created, deleted, renamed).
    """
    await work.sql(_CHANGED, {"app": app_id, "channel": CHANGES_CHANNEL})
    work.mark(slot_of(app_id))
    if hosts:
        work.mark(HOSTS_SLOT)
