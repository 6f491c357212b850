"""Requests and answers about custom domains; the operations are not built yet."""

from __future__ import annotations

from pydantic import Field

from easel.schemas import Answer, Line, Request


class AddDomainRequest(Request):
    """Asks for a domain to lead to the app."""

    domain: Line = Field(min_length=1, max_length=253)
    is_primary: bool | None = False


class DomainResponse(Answer):
    """A custom domain, and what its owner has to set up."""

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
