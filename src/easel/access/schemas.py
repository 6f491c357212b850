"""Requests and responses of the operations on API keys, which are additions to the contract."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from easel.schemas import Answer, Line, Request

Scope = Literal["read", "deploy", "admin"]


class CreateKeyRequest(Request):
    """Asks for a new API key."""

    name: Line = Field(min_length=1, max_length=200, description="The purpose of the key")
    scope: Scope = Field(default="deploy", description="Each scope includes the scopes before it: read, deploy, admin")
    app_id: Line | None = Field(default=None, max_length=100, description="Limits the key to one app")


class KeyResponse(Answer):
    """An API key, without its secret."""

    key_id: str
    name: str
    scope: Scope
    app_id: str | None = None
    hint: str = Field(description="The first and last characters of the key, by which people can recognise the key")
    created_at: str | None = None


class CreatedKeyResponse(KeyResponse):
    """A new API key, with its secret. No later response contains the secret."""

    key: str


class ListKeysResponse(Answer):
    """The organisation's keys, oldest first."""

    keys: list[KeyResponse]
    total: int


class LimitResponse(Answer):
    """A limit of the organisation, and how much of it is used."""

    name: str
    limit: int | None = Field(default=None, description="null means unlimited")
    used: int
    frees_at: str | None = Field(
        default=None,
        description="The next time at which the usage decreases by itself: to zero for requests, by the oldest "
        "upload for uploads",
    )


class ListLimitsResponse(Answer):
    """The organisation's limits. The counts of requests and log streams cover only the responding api process."""

    limits: list[LimitResponse]
