"""The content of webhooks in one form for all Git hosts."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import msgspec

from easel.repositories.errors import WebhookBodyError

_BRANCH: Final = "refs/heads/"
_NOTHING: Final = re.compile("0{40}|0{64}")

Headers = Mapping[str, str]
"""The headers of a webhook request. Names are looked up regardless of case."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Push:
    """A branch that moved to another commit. `sha` is the new commit, or None for a deleted branch."""

    branch: str
    sha: str | None
    message: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified delivery of a webhook: the id that the host gives to it (None if it gives none), its event, and the
    branches that moved."""

    id: str | None
    event: str
    pushes: tuple[Push, ...]


class Sender(Protocol):
    """The signature scheme and the body format of one kind of Git host's webhooks."""

    def signed(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Returns true if the signature of the webhook request was made with the secret. They are compared in constant
        time."""

    def read(self, headers: Headers, body: bytes) -> Delivery:
        """Reads the delivery in a webhook request whose signature is verified. Raises WebhookBodyError."""


class Person(msgspec.Struct):
    """The author of a commit, as webhooks report it."""

    name: str = ""
    email: str = ""


class HeadCommit(msgspec.Struct):
    """A commit of a push, as webhooks report it."""

    id: str = ""
    message: str = ""
    author: Person | None = None


class PushBody(msgspec.Struct):
    """The fields that the push events of GitHub, Gitea, Forgejo and GitLab have in common."""

    ref: str
    after: str
    deleted: bool = False
    head_commit: HeadCommit | None = None
    commits: list[HeadCommit] = []


def decoded(body: bytes, kind: type[T]) -> T:
    """Parses the body of a webhook request. Only the fields of `kind` are read, and all other content is skipped.
    Raises WebhookBodyError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WebhookBodyError(reason=str(error)[:200]) from error


def push_of(body: PushBody) -> tuple[Push, ...]:
    """Returns the moved branch that a push event reports. Returns no push if the event reports a tag."""
    if not body.ref.startswith(_BRANCH):
        return ()
    branch = body.ref.removeprefix(_BRANCH)
    if body.deleted or is_nothing(body.after):
        return (Push(branch, None),)
    newest = body.head_commit or next((commit for commit in body.commits if commit.id == body.after), None)
    if newest is None or newest.id not in ("", body.after):
        return (Push(branch, body.after),)
    author = newest.author
    return (Push(branch, body.after, newest.message or None, f"{author.name} <{author.email}>" if author else None),)


def is_nothing(sha: str) -> bool:
    """Returns true if a commit's id is the null id. Git hosts send the null id if there is no commit."""
    return _NOTHING.fullmatch(sha) is not None


def is_hmac(given: str | None, body: bytes, secret: str) -> bool:
    """Returns true if `given` is the HMAC-SHA-256 of the body with the secret, in hexadecimal digits."""
    expected = hmac.digest(secret.encode(), body, "sha256").hex()
    return hmac.compare_digest((given or "").lower().encode("utf-8", "replace"), expected.encode())
