"""Reads GitLab's webhooks, which have a plain token, or a signature of Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

from easel import clock
from easel.repositories.providers.models import Delivery, Headers, PushBody, decoded, push_of

_SIGNING: Final = "whsec_"
TOLERANCE: Final = 300
"""Seconds by which the signed time of a webhook may differ from this machine's clock (Standard Webhooks,
"Verifying")."""
MOST_SIGNATURES: Final = 10


class GitlabSender:
    """Webhooks of GitLab. The secret itself is in `X-Gitlab-Token`, or a signature is in `webhook-signature: v1,…`."""

    def signed(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Returns true if the webhook request contains the secret, or a signature that was made with it."""
        token = headers.get("x-gitlab-token", "").encode("utf-8", "replace")
        return hmac.compare_digest(token, secret.encode()) | _by_signature(headers, body, secret)

    def read(self, headers: Headers, body: bytes) -> Delivery:
        """Reads the delivery in the webhook request. Raises WebhookBodyError."""
        event = headers.get("x-gitlab-event", "")
        pushes = push_of(decoded(body, PushBody)) if event == "Push Hook" else ()
        return Delivery(headers.get("idempotency-key") or headers.get("webhook-id"), event, pushes)


def _by_signature(headers: Headers, body: bytes, secret: str) -> bool:
    given = headers.get("webhook-signature", "")
    sent_at = headers.get("webhook-timestamp", "")
    if not given or not sent_at.isascii() or not sent_at.isdigit() or len(sent_at) > 12:
        return False
    if abs(int(sent_at) - clock.now().timestamp()) > TOLERANCE:
        return False
    try:
        key = base64.b64decode(secret.removeprefix(_SIGNING)) if secret.startswith(_SIGNING) else secret.encode()
    except binascii.Error:
        return False
    signed = b".".join((headers.get("webhook-id", "").encode(), sent_at.encode(), body))
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    found = False
    for one in given.split(" ")[:MOST_SIGNATURES]:
        found |= hmac.compare_digest(one.encode("utf-8", "replace"), expected)
    return found
