"""The one way to tell every edge that an app's routing changed."""

from __future__ import annotations

from sqlalchemy import func, update

from easel.apps.models import App
from easel.storage.channels import CHANGES_CHANNEL
from easel.storage.database import Transaction
from easel.storage.freshness import HOSTS_SLOT, slot_of


async def routing_changed(work: Transaction, app_id: str, *, hosts: bool = False) -> None:
    """Marks the app's routing as changed in this transaction: edges here know at commit, all others by NOTIFY.

    `hosts` says that the set of host names changed too (created, deleted, renamed).
    """
    await work.session.execute(update(App).where(App.id == app_id).values(changed_xid=func.pg_current_xact_id()))
    await work.notify(CHANGES_CHANNEL, app_id)
    work.mark(slot_of(app_id))
    if hosts:
        work.mark(HOSTS_SLOT)
