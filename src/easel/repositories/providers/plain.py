"""A webhook that anything can send: `{"ref": "refs/heads/main", "after": "…"}`, signed as GitHub signs."""

from __future__ import annotations

from easel.repositories.providers.github import GithubSender
from easel.repositories.providers.models import Delivery, Headers, PushBody, decoded, push_of


class PlainSender(GithubSender):
    """Signs with `X-Hub-Signature-256: sha256=…`; there is no other event than a push."""

    def read(self, headers: Headers, body: bytes) -> Delivery:
        """The delivery. Raises WebhookBodyError."""
        return Delivery(headers.get("x-delivery"), "push", push_of(decoded(body, PushBody)))
