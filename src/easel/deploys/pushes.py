"""Deploys the pushes that a Git host's webhook reports. Each delivery of the webhook is processed once, and only the
newest of several waiting pushes is deployed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from easel import clock
from easel.apps.models import App
from easel.apps.row_lock import hold
from easel.deploys.errors import DeploySupersededError
from easel.deploys.models import Deploy
from easel.deploys.phases import GIT
from easel.deploys.service import AcceptedDeploy, DeployOrder, accept, end_as_failed
from easel.deploys.states import FAILED, QUEUED
from easel.environments.names import PRODUCTION
from easel.errors import EaselError
from easel.repositories.fetch.models import check_sha
from easel.repositories.models import Repository, WebhookDelivery
from easel.repositories.providers.models import Delivery, Push
from easel.schemas import MESSAGE_LENGTH
from easel.settings import Settings
from easel.storage.database import Transaction
from easel.storage.objects import ObjectStore
from easel.storage.queue import Queue

_AUTHOR_LENGTH: Final = 1000
_PUSHES: Final = ("push", "repo:push", "repo:refs_changed")
"""The names that Git hosts give to a push event. Such an event may report only tags. GitLab has a separate event for
tags."""

Did = Literal["deploying", "repeated", "ignored"]


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """The outcome of a webhook's delivery: the deploy that it has caused (at this or an earlier attempt), or the reason
    why there is no deploy."""

    did: Did
    reason: str
    deploy_id: str | None = None
    superseded: tuple[str, ...] = ()


async def deploy_push(
    work: Transaction,
    objects: ObjectStore,
    queue: Queue,
    settings: Settings,
    app: App,
    repository: Repository,
    delivery: Delivery,
    body: bytes,
) -> PushOutcome:
    """Deploys the head of the followed branch to production, if the verified delivery of a webhook reports that this
    branch has moved. Raises the errors of `accept`."""
    push = next((push for push in delivery.pushes if push.branch == repository.branch), None)
    if push is None:
        moved = ", ".join(f"`{push.branch[:100]}`" for push in delivery.pushes[:3])
        event = f"the event `{delivery.event[:100]}`"
        other = "a push that does not change a branch" if delivery.event in _PUSHES else event
        told = f"the push is to {moved}" if moved else f"{other} does not start a deploy"
        return PushOutcome("ignored", f"{told}. This app is deployed from the branch `{repository.branch}`")
    if push.sha is None:
        return PushOutcome("ignored", f"the branch `{push.branch}` was deleted; the live version does not change")
    try:
        sha = check_sha(push.sha)
    except EaselError as error:
        return PushOutcome("ignored", error.message)
    key = _key(repository, delivery, body)
    if not await _is_first(work, app, key):
        earlier = await work.session.scalar(
            select(WebhookDelivery.deploy_id).where(
                WebhookDelivery.app_id == app.id, WebhookDelivery.delivery == key, WebhookDelivery.org_id == app.org_id
            )
        )
        return PushOutcome("repeated", "this delivery was already processed", earlier)
    # From here on, no other push of the app is processed at the same time.
    await hold(work, app.id)
    if (same := await _already(work, app, repository, sha)) is not None:
        return PushOutcome("repeated", f"the last deployed commit of `{push.branch}` is already `{sha[:12]}`", same)
    order = _order(repository, push, sha)
    deploy = await accept(work, objects, queue, settings, app, order, f"webhook ({repository.provider})")
    await work.session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.app_id == app.id, WebhookDelivery.delivery == key, WebhookDelivery.org_id == app.org_id)
        .values(deploy_id=deploy.id)
    )
    superseded = await _supersede(work, app, deploy)
    return PushOutcome("deploying", f"`{sha[:12]}` of `{push.branch}`", deploy.id, superseded)


def _order(repository: Repository, push: Push, sha: str) -> DeployOrder:
    subject = _plain(push.message).partition("\n")[0].strip()
    return DeployOrder(
        environment=PRODUCTION,
        message=subject[:MESSAGE_LENGTH] or f"Push to {repository.branch}",
        source=GIT,
        bundle_s3_key=None,
        source_files=None,
        git_commit_sha=sha,
        git_commit_message=_plain(push.message)[:MESSAGE_LENGTH] or None,
        git_author=_plain(push.author)[:_AUTHOR_LENGTH] or None,
        git_branch=repository.branch,
    )


def _plain(text: str | None) -> str:
    """Returns a text without the characters that the database cannot store."""
    return (text or "").replace("\0", "").strip()


def _key(repository: Repository, delivery: Delivery, body: bytes) -> str:
    """Returns a key that identifies a webhook's delivery. It is derived from the id that the Git host sends, or from
    the content if there is no id."""
    known = delivery.id.encode("utf-8", "replace") if delivery.id else b"body\n" + body
    return hashlib.sha256(repository.provider.encode() + b"\n" + known).hexdigest()


async def _is_first(work: Transaction, app: App, key: str) -> bool:
    """Records a webhook's delivery under its key. Returns true if the key is new. If the same delivery arrives twice at
    once, the second call waits for the transaction of the first."""
    noted = (
        insert(WebhookDelivery)
        .values(app_id=app.id, delivery=key, org_id=app.org_id, received_at=clock.now())
        .on_conflict_do_nothing()
        .returning(WebhookDelivery.delivery)
    )
    return await work.session.scalar(noted) is not None


async def _already(work: Transaction, app: App, repository: Repository, sha: str) -> str | None:
    """Returns the latest deploy of the followed branch, if it has the commit `sha`, has not failed, and would have the
    same result now. Returns None otherwise.

    The id of a delivery is not signed, so anybody who saw a delivery can send it again under another id.
    """
    found = await work.session.execute(
        select(Deploy.id, Deploy.git_commit_sha, Deploy.status, Deploy.queued_at)
        .where(
            Deploy.app_id == app.id,
            Deploy.org_id == app.org_id,
            Deploy.environment == PRODUCTION,
            Deploy.source == GIT,
            Deploy.git_branch == repository.branch,
        )
        .order_by(Deploy.sequence.desc())
        .limit(1)
    )
    deploy_id, commit, status, queued_at = found.one_or_none() or (None, None, None, None)
    if commit != sha or status == FAILED:
        return None
    changes = [at for at in (app.published_at, repository.connected_at) if at is not None]
    return None if queued_at is None or queued_at < max(changes) else deploy_id


async def _supersede(work: Transaction, app: App, newest: AcceptedDeploy) -> tuple[str, ...]:
    """Ends the app's older deploys of pushes that no builder has begun. The deploy `newest` replaces them, because
    nobody waits for an intermediate version."""
    of_webhooks = select(WebhookDelivery.deploy_id).where(
        WebhookDelivery.app_id == app.id, WebhookDelivery.org_id == app.org_id, WebhookDelivery.deploy_id.is_not(None)
    )
    waiting = await work.session.scalars(
        select(Deploy)
        .where(
            Deploy.app_id == app.id,
            Deploy.org_id == app.org_id,
            Deploy.environment == newest.environment,
            Deploy.source == GIT,
            Deploy.status == QUEUED,
            Deploy.sequence < newest.sequence,
            Deploy.id.in_(of_webhooks),
        )
        .order_by(Deploy.sequence)
        .with_for_update()
    )
    ended = []
    for deploy in waiting:
        await end_as_failed(work, deploy, DeploySupersededError(by=newest.id))
        ended.append(deploy.id)
    return tuple(ended)
