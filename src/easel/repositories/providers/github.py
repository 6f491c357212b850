"""Reads GitHub's webhooks (docs.github.com, "Validating webhook deliveries")."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from easel.repositories.errors import WebhookBodyError
from easel.repositories.providers.models import Delivery, Headers, PushBody, decoded, is_hmac, push_of

_MOST_FIELDS: Final = 10


class _Installation(msgspec.Struct):
    id: int


class _Repository(msgspec.Struct):
    full_name: str


class _Source(msgspec.Struct):
    installation: _Installation | None = None
    repository: _Repository | None = None


def source_of(headers: Headers, body: bytes) -> tuple[int, str] | None:
    """Returns the installation of the GitHub App and the repository (`owner/name`) that a webhook request reports.
    Returns None if its body contains none. Raises WebhookBodyError."""
    source = decoded(json_of(headers, body), _Source)
    if source.installation is None or source.repository is None:
        return None
    return source.installation.id, source.repository.full_name


class GithubSender:
    """Webhooks of GitHub. The signature is in `X-Hub-Signature-256: sha256=…`."""

    def signed(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Returns true if the signature of the webhook request was made with the secret."""
        kind, _, digest = headers.get("x-hub-signature-256", "").partition("=")
        return is_hmac(digest if kind == "sha256" else None, body, secret)

    def read(self, headers: Headers, body: bytes) -> Delivery:
        """Reads the delivery in the webhook request. Raises WebhookBodyError."""
        event = headers.get("x-github-event", "")
        data = json_of(headers, body)
        pushes = push_of(decoded(data, PushBody)) if event == "push" else ()
        return Delivery(headers.get("x-github-delivery"), event, pushes)


def json_of(headers: Headers, body: bytes) -> bytes:
    """Returns the JSON in the body of a webhook request. By default, GitHub sends it as a field of a form. Raises
    WebhookBodyError."""
    if not headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return body
    for field in body.split(b"&", _MOST_FIELDS):
        name, _, value = field.partition(b"=")
        if name == b"payload":
            return unquote_to_bytes(value.replace(b"+", b" "))
    raise WebhookBodyError(reason="the form has no field `payload`")
