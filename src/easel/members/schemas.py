"""The contract's models of this domain."""

from __future__ import annotations

from easel.schemas import Answer, Request, Text


class InviteUserRequest(Request):
    """The contract's invite user request."""

    email_address: Text
    role: Text | None = "org:member"


class UpdateRoleRequest(Request):
    """The contract's update role request."""

    role: Text


class AppInvitationResponse(Answer):
    """The contract's app invitation response."""

    invitation_id: str
    email_address: str
    role: str
    status: str
    created_at: str | None = None


class ListInvitationsResponse(Answer):
    """The contract's list invitations response."""

    invitations: list[AppInvitationResponse]
    total: int


class AppUserResponse(Answer):
    """The contract's app user response."""

    user_id: str
    membership_id: str
    email: str | None = None
    name: str | None = None
    avatar_url: str | None = None
    role: str
    joined_at: str | None = None


class ListUsersResponse(Answer):
    """The contract's list users response."""

    users: list[AppUserResponse]
    total: int
