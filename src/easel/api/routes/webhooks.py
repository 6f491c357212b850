"""Receives the webhooks of Git hosts. A webhook has no API key. A signature of its body proves the sender."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Annotated, Any, Final, cast, get_args

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from easel.access.secrets import SecretUnreadableError, Vault
from easel.api.http.bodies import TAKEN_FROM_STRANGERS, BoundedRequest
from easel.api.http.context import services_of
from easel.api.http.gate import network_of
from easel.api.http.route import in_lane
from easel.apps.errors import AppNotFoundError
from easel.deploys.pushes import deploy_push
from easel.errors import EaselError
from easel.ids import new_secret
from easel.repositories.errors import InstallationNotYoursError, WebhookRefusedError
from easel.repositories.github_app import read_state, require_theirs
from easel.repositories.installations import link_installation, read_through
from easel.repositories.providers.github import source_of
from easel.repositories.providers.models import Delivery, Sender
from easel.repositories.providers.senders import sender_of
from easel.repositories.schemas import Provider
from easel.repositories.service import following, webhook_secret_of

router = APIRouter(include_in_schema=False)

WEBHOOKS_PATH: Final = "/webhooks/apps"
_PROVIDERS: Final = frozenset(get_args(Provider))
_LONGEST_ID: Final = 100
_MOST_FOLLOWERS: Final = 50
"""Maximum number of apps that one push to a repository deploys."""


@router.post(WEBHOOKS_PATH + "/{provider}/{app_id}", status_code=202)
async def receive_webhook(provider: str, app_id: str, request: Request) -> Response:
    """Receives a webhook. The whole body is read before any look-up, because the signature covers the body. Unknown
    apps and wrong signatures get the same response."""
    if provider not in _PROVIDERS:
        raise HTTPException(404)
    bounded, client = _bounded(request)
    async with _room(bounded, client):
        return await _hear(bounded, provider, app_id, client)


def _bounded(request: Request) -> tuple[BoundedRequest, str]:
    """Returns the request, wrapped so that its limits are enforced, and the client whose limits the request counts
    towards."""
    bounded = BoundedRequest(request.scope, request.receive)
    return bounded, network_of(request.client.host if request.client else "")


def _room(request: BoundedRequest, client: str) -> AbstractAsyncContextManager[None]:
    """Returns a slot (turn) for a large body of an unknown sender."""
    if not request.has_body or request.is_small:
        return nullcontext()
    return services_of(request).fairness.body(f"webhooks of {client}")


@router.post(WEBHOOKS_PATH + "/github", status_code=202)
async def receive_github_app(request: Request) -> Response:
    """Receives the webhook of the operator's GitHub App, for all apps that follow a repository through this GitHub
    App."""
    services = services_of(request)
    bounded, client = _bounded(request)
    secret = services.settings.github_app_webhook_secret
    async with _room(bounded, client):
        await bounded.take()
        body = await bounded.body()
        sender = sender_of({"x-github-event": ""}, "github")
        if secret is None or not sender.signed(request.headers, body, secret.get_secret_value()):
            raise WebhookRefusedError()

        async def act() -> JSONResponse:
            delivery = await _read(request, sender, body)
            source = await asyncio.to_thread(source_of, request.headers, body) if delivery.pushes else None
            followers: list[tuple[str, str]] = []
            if source is not None:
                async with services.database.transaction() as work:
                    followers = await read_through(work, *source, most=_MOST_FOLLOWERS)
            return JSONResponse(
                {"apps": [await _act_or_say(request, *follower, delivery, body) for follower in followers]}, 202
            )

        return await _in_turn(bounded, f"webhooks of {client}", body, act)


async def _act_or_say(
    request: Request, app_id: str, organisation: str, delivery: Delivery, body: bytes
) -> dict[str, Any]:
    """Processes the delivery for one app, and returns the outcome. Catches the app's errors, so that other apps are
    still processed."""
    try:
        return await _act(request, app_id, organisation, delivery, body)
    except EaselError as error:
        return {"app_id": app_id, "status": "failed", "reason": error.message}


async def _hear(request: BoundedRequest, provider: str, app_id: str, client: str) -> Response:
    services = services_of(request)
    await request.take()
    body = await request.body()
    async with services.fairness.stranger(client):
        sealed = await webhook_secret_of(services.database, app_id[:_LONGEST_ID])
    sender = sender_of(request.headers, cast("Provider", provider))
    organisation, secret = _opened(services.vault, sealed)
    if not sender.signed(request.headers, body, secret) or not organisation:
        raise WebhookRefusedError()

    async def act() -> JSONResponse:
        delivery = await _read(request, sender, body)
        return JSONResponse(await _act(request, app_id, organisation, delivery, body), 202)

    return await _in_turn(request, organisation, body, act)


async def _in_turn(
    request: BoundedRequest, whose: str, body: bytes, act: Callable[[], Awaitable[JSONResponse]]
) -> Response:
    """Returns the response to a verified delivery. A large delivery waits for a slot, because parsing a form takes up
    to a second. If the api has a lane (a second process), the lane carries the delivery out."""
    if len(body) <= TAKEN_FROM_STRANGERS:
        return await act()
    services = services_of(request)
    async with services.fairness.costly(whose):
        request.state.whose = whose
        answer = await in_lane(request, whose)
        if answer is None:
            return await act()
    services.limiter.charge(whose, len(body))
    return answer


async def _read(request: Request, sender: Sender, body: bytes) -> Delivery:
    """Parses the delivery. A large body is parsed in a thread. Raises WebhookBodyError."""
    if len(body) <= TAKEN_FROM_STRANGERS:
        return sender.read(request.headers, body)
    return await asyncio.to_thread(sender.read, request.headers, body)


async def _act(request: Request, app_id: str, organisation: str, delivery: Delivery, body: bytes) -> dict[str, Any]:
    """Returns the outcome of a verified delivery for one app. Raises WebhookRefusedError if the app no longer follows a
    repository."""
    services = services_of(request)
    if not getattr(request.state, "counted", False):
        services.limiter.count(organisation)
    services.limiter.charge(organisation, len(body))
    async with services.database.transaction(services.fairness.connection(organisation)) as work:
        followed = await following(work, app_id, organisation)
        if followed is None:
            raise WebhookRefusedError()
        app, repository = followed
        heard = await deploy_push(
            work, services.objects, services.queue, services.settings, app, repository, delivery=delivery, body=body
        )
    return {
        "app_id": app_id,
        "status": heard.did,
        "reason": heard.reason,
        "deploy_id": heard.deploy_id,
        "superseded": list(heard.superseded),
    }


@router.get(WEBHOOKS_PATH + "/github/setup")
async def link_github_installation(
    request: Request,
    state: Annotated[str, Query(max_length=500)] = "",
    code: Annotated[str, Query(max_length=500)] = "",
    installation_id: Annotated[str, Query(max_length=20)] = "",
) -> PlainTextResponse:
    """Links the installation of the GitHub App to the app that the state refers to. GitHub redirects a person to this
    address after the installation."""
    services = services_of(request)
    org_id, app_id = read_state(services.vault, state)
    services.limiter.count(org_id)
    if not (installation_id.isascii() and installation_id.isdigit()):
        raise InstallationNotYoursError()
    installation = int(installation_id)
    await require_theirs(services.settings, code, installation)
    async with services.database.transaction(services.fairness.connection(org_id)) as work:
        app = await link_installation(work, org_id, app_id, installation)
    if app is None:
        raise AppNotFoundError(app_id=app_id)
    return PlainTextResponse(f"The GitHub App is now installed for the app {app.slug}. You can close this page.\n")


_decoys: dict[int, str] = {}


def _opened(vault: Vault, sealed: tuple[str, str] | None) -> tuple[str, str]:
    """Returns the organisation and the decrypted secret. If the app has no secret, decrypts a random secret, so that
    the time of the response does not show whether the app has a secret."""
    decoy = _decoys.setdefault(id(vault), vault.seal(new_secret()))
    organisation, text = sealed or ("", decoy)
    try:
        return organisation, vault.open(text)
    except SecretUnreadableError:
        return "", vault.open(decoy)
