"""Reads webhooks of Bitbucket Cloud and Data Center. One delivery may report many branches."""

from __future__ import annotations

from typing import Literal

import msgspec

from easel.repositories.providers.models import Delivery, Headers, Push, decoded, is_hmac, is_nothing


class _Author(msgspec.Struct):
    raw: str | None = None


class _Target(msgspec.Struct):
    hash: str
    message: str | None = None
    author: _Author | None = None


class _Ref(msgspec.Struct):
    name: str
    target: _Target
    type: str = "branch"


class _Old(msgspec.Struct):
    name: str
    type: str = "branch"


class _Change(msgspec.Struct):
    new: _Ref | None = None
    old: _Old | None = None


class _Changes(msgspec.Struct):
    changes: list[_Change] = []


class _CloudBody(msgspec.Struct):
    push: _Changes


class _CentreRef(msgspec.Struct):
    displayId: str  # noqa: N815 (Bitbucket's name)
    type: Literal["BRANCH", "TAG"] = "BRANCH"


class _CentreChange(msgspec.Struct):
    ref: _CentreRef
    toHash: str  # noqa: N815 (Bitbucket's name)
    type: str = "UPDATE"


class _CentreBody(msgspec.Struct):
    changes: list[_CentreChange] = []


class BitbucketSender:
    """Webhooks of Bitbucket. The signature is in `X-Hub-Signature: sha256=…`."""

    def signed(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Returns true if the signature of the webhook request was made with the secret."""
        kind, _, digest = headers.get("x-hub-signature", "").partition("=")
        return is_hmac(digest if kind == "sha256" else None, body, secret)

    def read(self, headers: Headers, body: bytes) -> Delivery:
        """Reads the delivery in the webhook request. Raises WebhookBodyError."""
        event = headers.get("x-event-key", "")
        pushes: tuple[Push, ...] = ()
        if event == "repo:push":
            pushes = tuple(push for change in decoded(body, _CloudBody).push.changes if (push := _cloud(change)))
        elif event == "repo:refs_changed":
            pushes = tuple(
                Push(change.ref.displayId, None if is_nothing(change.toHash) else change.toHash)
                for change in decoded(body, _CentreBody).changes
                if change.ref.type == "BRANCH"
            )
        return Delivery(headers.get("x-request-uuid") or headers.get("x-request-id"), event, pushes)


def _cloud(change: _Change) -> Push | None:
    if change.new is not None and change.new.type == "branch":
        target = change.new.target
        return Push(change.new.name, target.hash, target.message, target.author.raw if target.author else None)
    if change.new is None and change.old is not None and change.old.type == "branch":
        return Push(change.old.name, None)
    return None
