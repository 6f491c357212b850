"""Errors of access: the reasons why a request is refused."""

from __future__ import annotations

from easel.errors import BadRequestError, ConflictError, EaselError, LimitReachedError, NotFoundError


class AuthenticationRequiredError(EaselError):
    """This request needs an API key: send `Authorization: Bearer sk_…`."""

    status = 401
    code = "authentication_required"


class InvalidApiKeyError(EaselError):
    """The API key is unknown or was revoked. Use a valid key."""

    status = 401
    code = "invalid_api_key"


class InsufficientScopeError(EaselError):
    """This API key has the scope `{scope}`, but the request needs the scope `{needed}`. Use another key."""

    status = 403
    code = "insufficient_scope"


class KeyLimitedToAppError(EaselError):
    """This API key is limited to one app, but the request concerns the whole organisation. Use another key."""

    status = 403
    code = "insufficient_scope"


class KeyNotFoundError(NotFoundError):
    """The organisation has no API key {key_id}. Choose an id from its list of keys."""

    code = "key_not_found"


class LastAdminKeyError(BadRequestError):
    """This is the organisation's last API key with the scope `admin`. Create another admin key before you revoke this
    key."""

    code = "last_admin_key"


class RateLimitedError(LimitReachedError):
    """Too many requests: this organisation may send {limit} a minute, and a costly request counts as several. Try again
    in {retry_after_seconds} s."""

    status = 429
    code = "rate_limited"
    limit = "requests_per_minute"


class IdempotencyConflictError(ConflictError):
    """This Idempotency-Key was already used for a different request. Use a new key for each new request."""

    code = "idempotency_conflict"


class IdempotencyKeyInvalidError(BadRequestError):
    """An Idempotency-Key must have 1 to 255 printable ASCII characters."""

    code = "idempotency_key_invalid"
