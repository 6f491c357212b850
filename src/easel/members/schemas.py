"""Requests and responses about the people who may see an app. The operations are not built yet."""

from __future__ import annotations

from pydantic import Field

from easel.schemas import Answer, Line, Request


class InviteUserRequest(Request):
    """Asks to invite a person to an app by e-mail."""

    email_address: Line = Field(min_length=3, max_length=320)
    role: Line | None = Field(default="org:member", max_length=100)


class UpdateRoleRequest(Request):
    """Asks to give a member of an app another role."""

    role: Line = Field(min_length=1, max_length=100)


class AppInvitationResponse(Answer):
    """An invitation of a person to an app."""

    invitation_id: str
    email_address: str
    role: str
    status: str
    created_at: str | None = None


class ListInvitationsResponse(Answer):
    """The invitations to an app that nobody has accepted yet."""

    invitations: list[AppInvitationResponse]
    total: int


class AppUserResponse(Answer):
    """A member of an app."""

    user_id: str
    membership_id: str
    email: str | None = None
    name: str | None = None
    avatar_url: str | None = None
    role: str
    joined_at: str | None = None


class ListUsersResponse(Answer):
    """The members of an app."""

    users: list[AppUserResponse]
    total: int
