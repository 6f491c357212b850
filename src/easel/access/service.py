"""API keys: creates, lists and revokes them, and authenticates requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select, update

from easel import clock
from easel.access.errors import (
    AuthenticationRequiredError,
    InsufficientScopeError,
    InvalidApiKeyError,
    KeyLimitedToAppError,
    KeyNotFoundError,
    LastAdminKeyError,
)
from easel.access.models import ApiKey, Organisation
from easel.access.secrets import hash_key
from easel.ids import new_id, new_secret
from easel.storage.database import Database, Transaction
from easel.storage.statements import statements

_SQL = statements(__name__)

SCOPES = ("read", "deploy", "admin")
"""The scopes of API keys. Each scope includes the scopes before it."""


Kind = Literal["key"]
"""The kind of credential that proves a subject. Users, sessions and webhooks will be added here, and each kind will
have its own query."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The author of a call: its organisation, its name, its scope, and the one app that it is limited to, if any.

    Remembered responses, limits and the audit refer to subjects, not to keys. An id is unique among subjects of all
    kinds.
    """

    id: str
    org_id: str
    name: str
    scope: str
    app_id: str | None
    kind: Kind = "key"

    @property
    def actor(self) -> str:
        """Returns the subject's name in records and the audit."""
        return f"{self.name} ({self.id})"

    def require(self, needed: str, *, whole_organisation: bool = False) -> None:
        """Checks that the subject may send a request that needs the scope `needed`. Raises InsufficientScopeError if
        the subject's scope does not include it. Raises KeyLimitedToAppError if the request concerns the whole
        organisation and the subject's key is limited to one app."""
        if SCOPES.index(self.scope) < SCOPES.index(needed):
            raise InsufficientScopeError(scope=self.scope, needed=needed)
        if whole_organisation and self.app_id is not None:
            raise KeyLimitedToAppError(app_id=self.app_id)


def bearer(header: str | None) -> str:
    """Returns the key in an Authorization header (RFC 6750 §2.1). Raises AuthenticationRequiredError."""
    scheme, _, secret = (header or "").strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret.startswith("sk_") or not secret.isascii() or len(secret) > 200:
        raise AuthenticationRequiredError()
    return secret


async def authenticate(work: Transaction, secret: str) -> Subject:
    """Returns the subject of this key. Raises InvalidApiKeyError for unknown and revoked keys alike."""
    found = await work.sql(_SQL["find_key"], {"hash": hash_key(secret)})
    if not found:
        raise InvalidApiKeyError()
    return Subject(*found[0])


async def owner_of(database: Database, secret: str) -> str | None:
    """Returns the id of the organisation of this valid key. Returns None for any other key."""
    found = await database.statement(_SQL["find_key"], {"hash": hash_key(secret)})
    return str(found[0][1]) if found else None


async def create_key(
    work: Transaction, org_id: str, *, name: str, scope: str, app_id: str | None = None
) -> tuple[ApiKey, str]:
    """Creates a key for the organisation. Returns the key with its secret, which is not stored and cannot be shown
    again."""
    secret = f"sk_{new_secret()}"
    key = ApiKey(
        id=new_id("key"),
        org_id=org_id,
        name=name,
        hash=hash_key(secret),
        hint=f"{secret[:6]}…{secret[-4:]}",
        scope=scope,
        app_id=app_id,
        created_at=clock.now(),
    )
    work.session.add(key)
    await work.session.flush()
    return key, secret


async def list_keys(work: Transaction, org_id: str) -> list[ApiKey]:
    """Returns the organisation's keys that are not revoked, oldest first."""
    keys = await work.session.scalars(
        select(ApiKey)
        .where(ApiKey.org_id == org_id, ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.created_at, ApiKey.id)
    )
    return list(keys)


async def revoke_key(work: Transaction, org_id: str, key_id: str) -> None:
    """Revokes a key at once. Raises KeyNotFoundError. Raises LastAdminKeyError for the last admin key, so that an
    organisation cannot lock itself out."""
    # The organisation's row is locked, so that two admins cannot revoke each other's last key at the same moment.
    await work.session.execute(select(Organisation.id).where(Organisation.id == org_id).with_for_update())
    key = await work.session.scalar(
        select(ApiKey).where(ApiKey.org_id == org_id, ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
    )
    if key is None:
        raise KeyNotFoundError(key_id=key_id)
    if key.scope == "admin" and key.app_id is None:
        others = await work.session.scalar(
            select(func.count()).where(
                ApiKey.org_id == org_id,
                ApiKey.id != key_id,
                ApiKey.scope == "admin",
                ApiKey.app_id.is_(None),
                ApiKey.revoked_at.is_(None),
            )
        )
        if not others:
            raise LastAdminKeyError()
    await work.session.execute(update(ApiKey).where(ApiKey.id == key_id).values(revoked_at=clock.now()))


async def create_organisation_with_key(work: Transaction, name: str) -> str:
    """Creates an organisation with a first key, which has every scope. Returns the secret of that key."""
    organisation = await create_organisation(work, name)
    _, secret = await create_key(work, organisation.id, name="first key", scope="admin")
    return secret


async def create_organisation(work: Transaction, name: str) -> Organisation:
    """Creates an organisation, which has no API key yet, and returns it."""
    organisation = Organisation(id=new_id("org"), name=name, created_at=clock.now())
    work.session.add(organisation)
    await work.session.flush()
    return organisation
