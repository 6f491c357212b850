"""The operations on API keys: additions to the contract."""

from __future__ import annotations

from fastapi import APIRouter

from easel import clock
from easel.access.models import ApiKey
from easel.access.schemas import CreatedKeyResponse, CreateKeyRequest, KeyResponse, ListKeysResponse
from easel.access.service import create_key as make_key
from easel.access.service import list_keys as find_keys
from easel.access.service import revoke_key as remove_key
from easel.api.http.context import OrganisationAdmin, Work
from easel.api.http.route import EaselRoute
from easel.apps.schemas import GenericDeleteResponse
from easel.apps.service import get_app

router = APIRouter(prefix="/v1/keys", tags=["Keys"], route_class=EaselRoute)


@router.post("", summary="Create an API Key", response_model=CreatedKeyResponse)
async def create_key(body: CreateKeyRequest, work: Work, caller: OrganisationAdmin) -> CreatedKeyResponse:
    """Create an API key. Only this response contains the key itself."""
    if body.app_id is not None:
        await get_app(work, caller, body.app_id)
    key, secret = await make_key(work, caller.org_id, name=body.name, scope=body.scope, app_id=body.app_id)
    return CreatedKeyResponse(**_describe(key).model_dump(), key=secret)


@router.get("", summary="List API Keys", response_model=ListKeysResponse)
async def list_keys(work: Work, caller: OrganisationAdmin) -> ListKeysResponse:
    """List the organisation's API keys, without their secrets."""
    keys = await find_keys(work, caller.org_id)
    return ListKeysResponse(keys=[_describe(key) for key in keys], total=len(keys))


@router.delete("/{key_id}", summary="Revoke an API Key", response_model=GenericDeleteResponse)
async def revoke_key(key_id: str, work: Work, caller: OrganisationAdmin) -> GenericDeleteResponse:
    """Revoke an API key. The key stops working at once."""
    await remove_key(work, caller.org_id, key_id)
    return GenericDeleteResponse(message="Successfully revoked")


def _describe(key: ApiKey) -> KeyResponse:
    return KeyResponse(
        key_id=key.id,
        name=key.name,
        scope=key.scope,
        app_id=key.app_id,
        hint=key.hint,
        created_at=clock.iso(key.created_at),
    )
