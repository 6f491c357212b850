"""Requests and responses about custom domains. The operations are not built yet."""

from __future__ import annotations

from pydantic import Field

from easel.schemas import Answer, Line, Request


class AddDomainRequest(Request):
    """Asks to serve the app at a custom domain."""

    domain: Line = Field(min_length=1, max_length=253)
    is_primary: bool | None = False


class DomainResponse(Answer):
    """A custom domain, and the records that its owner has to set up."""

    domain: str
    status: str
    verification_token: str | None = None
    cname_target: str | None = None
    is_primary: bool
    verified_at: str | None = None


class ListDomainsResponse(Answer):
    """The app's custom domains."""

    domains: list[DomainResponse]
    total: int
