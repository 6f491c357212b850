"""The contract's operations that are not implemented yet. Each operation checks its request, and responds with 501 in
the envelope."""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Query

from easel.api.http.context import Admin, Reader, Work
from easel.api.http.envelope import ErrorResponse
from easel.api.http.route import EaselRoute
from easel.apps.schemas import GenericDeleteResponse
from easel.apps.service import get_app
from easel.domains.schemas import AddDomainRequest, DomainResponse, ListDomainsResponse
from easel.errors import NotImplementedYetError
from easel.members.schemas import (
    AppInvitationResponse,
    AppUserResponse,
    InviteUserRequest,
    ListInvitationsResponse,
    ListUsersResponse,
    UpdateRoleRequest,
)
from easel.telemetry.schemas import AppAnalyticsResponse, AppLogsResponse, ErrorRateResponse

router = APIRouter(
    prefix="/v1/apps/{app_id}",
    tags=["Apps"],
    route_class=EaselRoute,
    responses={501: {"description": "Not Implemented", "model": ErrorResponse}},
)


async def _refuse(work: Work, caller: Reader, app_id: str) -> NoReturn:
    await get_app(work, caller, app_id)
    raise NotImplementedYetError()


@router.post("/domains", summary="Add a Domain", response_model=DomainResponse)
async def add_domain(app_id: str, body: AddDomainRequest, work: Work, caller: Admin) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.get("/domains", summary="List Domains", response_model=ListDomainsResponse)
async def list_domains(app_id: str, work: Work, caller: Reader) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.delete("/domains/{domain}", summary="Delete a Domain", response_model=GenericDeleteResponse)
async def delete_domain(app_id: str, domain: str, work: Work, caller: Admin) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.post("/domains/{domain}/verify", summary="Verify a Domain", response_model=DomainResponse)
async def verify_domain(app_id: str, domain: str, work: Work, caller: Admin) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.get("/users", summary="List App Users", response_model=ListUsersResponse)
async def list_app_users(app_id: str, work: Work, caller: Reader) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.post("/users/invite", summary="Invite an App User", response_model=AppInvitationResponse)
async def invite_app_user(app_id: str, body: InviteUserRequest, work: Work, caller: Admin) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.get("/users/invitations", summary="List App Invitations", response_model=ListInvitationsResponse)
async def list_app_invitations(app_id: str, work: Work, caller: Reader) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.delete(
    "/users/invitations/{invitation_id}", summary="Revoke an App Invitation", response_model=GenericDeleteResponse
)
async def revoke_app_invitation(app_id: str, invitation_id: str, work: Work, caller: Admin) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.patch("/users/{user_id}/role", summary="Update an App User's Role", response_model=AppUserResponse)
async def update_app_user_role(app_id: str, user_id: str, body: UpdateRoleRequest, work: Work, caller: Admin) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.delete("/users/{user_id}", summary="Remove an App User", response_model=GenericDeleteResponse)
async def remove_app_user(app_id: str, user_id: str, work: Work, caller: Admin) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.get("/logs", summary="Get App Logs", response_model=AppLogsResponse)
async def get_app_logs(
    app_id: str,
    work: Work,
    caller: Reader,
    log_type: Annotated[str, Query(max_length=100)] = "runtime",
    hours: Annotated[int, Query(ge=1, le=168)] = 1,
    level: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.get("/analytics", summary="Get App Analytics", response_model=AppAnalyticsResponse)
async def get_app_analytics(
    app_id: str, work: Work, caller: Reader, hours: Annotated[int, Query(ge=1, le=720)] = 24
) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)


@router.get("/error-rate", summary="Get the Error Rate", response_model=ErrorRateResponse)
async def get_error_rate(
    app_id: str, work: Work, caller: Reader, minutes: Annotated[int, Query(ge=1, le=1440)] = 60
) -> Any:
    """Not implemented yet: checks the request, and responds with 501."""
    await _refuse(work, caller, app_id)
