"""The only way to notify all edges of a change of an app's routing."""

from __future__ import annotations

from easel.serving.published import encoded_site, to_store
from easel.storage.channels import CHANGES_CHANNEL
from easel.storage.database import Transaction
from easel.storage.freshness import HOSTS_SLOT, slot_of
from easel.storage.statements import statements

_SQL = statements(__name__)


async def routing_changed(work: Transaction, app_id: str, *, hosts: bool = False) -> None:
    """Marks the app's routing as changed in this transaction. Edges on this machine see the change when the transaction
    commits. All other edges are notified (NOTIFY). `hosts` is true if the set of host names changed too, because an app
    was created, deleted or renamed."""
    await work.sql(_SQL["changed"], {"app": app_id, "channel": CHANGES_CHANNEL})
    work.mark(slot_of(app_id))
    if hosts:
        work.mark(HOSTS_SLOT)


async def configuration_changed(work: Transaction, app_id: str) -> None:
    """Marks the app's routing as changed, and stores the published site: the newly published configuration in the form
    that edges read.

    The caller has locked the app's row. The database has already deleted the published site of the previous
    configuration (migration 0016). Without this call, each edge would compute the published site itself.
    """
    ((stored,),) = await work.sql(_SQL["stored"], {"app": app_id})
    await work.sql(_SQL["told"], {"app": app_id, "site": to_store(encoded_site(stored)), "channel": CHANGES_CHANNEL})
    work.mark(slot_of(app_id))
