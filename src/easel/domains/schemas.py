"""The contract's models of this domain."""

from __future__ import annotations

from easel.schemas import Answer, Request, Text


class AddDomainRequest(Request):
    """The contract's add domain request."""

    domain: Text
    is_primary: bool | None = False


class DomainResponse(Answer):
    """The contract's domain response."""

    domain: str
    status: str
    verification_token: str | None = None
    cname_target: str | None = None
    is_primary: bool
    verified_at: str | None = None


class ListDomainsResponse(Answer):
    """The contract's list domains response."""

    domains: list[DomainResponse]
    total: int
