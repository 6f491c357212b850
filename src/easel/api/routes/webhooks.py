"""Where Git hosts send their webhooks: no API key, a signature of the body instead."""

from __future__ import annotations

from typing import Final, cast, get_args

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from easel.access.secrets import SecretUnreadableError, Vault
from easel.api.http.bodies import BodyRule, BoundedRequest
from easel.api.http.context import services_of
from easel.api.http.gate import network_of
from easel.deploys.pushes import hear
from easel.ids import new_secret
from easel.repositories.errors import WebhookRefusedError
from easel.repositories.providers.senders import sender_of
from easel.repositories.schemas import Provider
from easel.repositories.service import following, webhook_secret_of

router = APIRouter(include_in_schema=False)

WEBHOOKS_PATH: Final = "/webhooks/apps"
_PROVIDERS: Final = frozenset(get_args(Provider))
_LONGEST_ID: Final = 100


@router.post(WEBHOOKS_PATH + "/{provider}/{app_id}", status_code=202)
async def receive_webhook(provider: str, app_id: str, request: Request) -> JSONResponse:
    """Hears a webhook. The whole body is read before anything is asked for: the signature is over it. Unknown apps and
    wrong signatures get the same answer."""
    if provider not in _PROVIDERS:
        raise HTTPException(404)
    services = services_of(request)
    bounded = BoundedRequest(request.scope, request.receive)
    bounded.rule = BodyRule()
    client = network_of(request.client.host if request.client else "")
    if bounded.has_body and not bounded.is_small:
        async with services.fairness.body(f"webhooks of {client}"):
            return await _hear(bounded, provider, app_id, client)
    return await _hear(bounded, provider, app_id, client)


async def _hear(request: BoundedRequest, provider: str, app_id: str, client: str) -> JSONResponse:
    services = services_of(request)
    await request.take()
    body = await request.body()
    async with services.fairness.stranger(client):
        sealed = await webhook_secret_of(services.database, app_id[:_LONGEST_ID])
    sender = sender_of(request.headers, cast("Provider", provider))
    organisation, secret = _opened(services.vault, sealed)
    if not sender.signed(request.headers, body, secret) or not organisation:
        raise WebhookRefusedError()
    services.limiter.count(organisation)
    services.limiter.charge(organisation, len(body))
    delivery = sender.read(request.headers, body)
    async with services.database.transaction(services.fairness.connection(organisation)) as work:
        followed = await following(work, app_id, organisation)
        if followed is None:
            raise WebhookRefusedError()
        heard = await hear(
            work, services.objects, services.queue, services.settings, *followed, delivery=delivery, body=body
        )
    return JSONResponse(
        {
            "status": heard.did,
            "reason": heard.reason,
            "deploy_id": heard.deploy_id,
            "superseded": list(heard.superseded),
        },
        202,
    )


_decoys: dict[int, str] = {}


def _opened(vault: Vault, sealed: tuple[str, str] | None) -> tuple[str, str]:
    """Organisation and secret. Where there is none, a secret that nobody knows is opened, which takes as long."""
    decoy = _decoys.setdefault(id(vault), vault.seal(new_secret()))
    organisation, text = sealed or ("", decoy)
    try:
        return organisation, vault.open(text)
    except SecretUnreadableError:
        return "", vault.open(decoy)
