"""Reads webhooks of Gitea and Forgejo. Forgejo sends Gitea's headers too, and both also send GitHub's headers."""

from __future__ import annotations

from easel.repositories.providers.github import json_of
from easel.repositories.providers.models import Delivery, Headers, PushBody, decoded, is_hmac, push_of


class GiteaSender:
    """Webhooks of Gitea and Forgejo. The signature is in `X-Gitea-Signature` or `X-Forgejo-Signature`, and consists of
    hexadecimal digits only."""

    def signed(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Returns true if the signature of the webhook request was made with the secret."""
        return is_hmac(headers.get("x-forgejo-signature") or headers.get("x-gitea-signature"), body, secret)

    def read(self, headers: Headers, body: bytes) -> Delivery:
        """Reads the delivery in the webhook request. Raises WebhookBodyError."""
        event = headers.get("x-forgejo-event") or headers.get("x-gitea-event", "")
        pushes = push_of(decoded(json_of(headers, body), PushBody)) if event == "push" else ()
        return Delivery(headers.get("x-forgejo-delivery") or headers.get("x-gitea-delivery"), event, pushes)
