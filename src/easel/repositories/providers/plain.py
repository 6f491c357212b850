"""Reads a generic webhook: `{"ref": "refs/heads/main", "after": "…"}`, signed like a webhook of GitHub."""

from __future__ import annotations

from easel.repositories.providers.github import GithubSender
from easel.repositories.providers.models import Delivery, Headers, PushBody, decoded, push_of


class PlainSender(GithubSender):
    """Webhooks of a Git host of no known kind. The signature is in `X-Hub-Signature-256: sha256=…`. The only event is a
    push."""

    def read(self, headers: Headers, body: bytes) -> Delivery:
        """Reads the delivery in the webhook request. Raises WebhookBodyError."""
        return Delivery(headers.get("x-delivery"), "push", push_of(decoded(body, PushBody)))
