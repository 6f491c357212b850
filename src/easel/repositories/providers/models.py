"""The content of webhooks in one form for all hosts."""

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
"""The headers of a request. Names are looked up regardless of case."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Push:
    """A branch that moved to another commit. `sha` is None for a deleted branch."""

    branch: str
    sha: str | None
    message: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified delivery: the host's id for the delivery (if any), its event, and the branches that moved."""

    id: str | None
    event: str
    pushes: tuple[Push, ...]


class Sender(Protocol):
    """The signature scheme and body format of one kind of host."""

    def signed(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Returns true if the sender has the secret, compared in constant time."""

    def read(self, headers: Headers, body: bytes) -> Delivery:
        """Returns the delivery of a signed request. Raises WebhookBodyError."""


class Person(msgspec.Struct):
    """A commit's author."""

    name: str = ""
    email: str = ""


class HeadCommit(msgspec.Struct):
    """A commit of a push."""

    id: str = ""
    message: str = ""
    author: Person | None = None


class PushBody(msgspec.Struct):
    """The fields that GitHub, Gitea, Forgejo and GitLab have in common."""

    ref: str
    after: str
    deleted: bool = False
    head_commit: HeadCommit | None = None
    commits: list[HeadCommit] = []


def decoded(body: bytes, kind: type[T]) -> T:
    """Returns the relevant fields of a body. Other content is skipped during parsing. Raises WebhookBodyError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WebhookBodyError(reason=str(error)[:200]) from error


def push_of(body: PushBody) -> tuple[Push, ...]:
    """Returns the push if a branch moved. Returns no push for a tag."""
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
    """Returns true if the id is the null id of Git hosts, which means that there is no commit."""
    return _NOTHING.fullmatch(sha) is not None


def is_hmac(given: str | None, body: bytes, secret: str) -> bool:
    """Returns true if the text is the HMAC-SHA-256 of the body in hexadecimal digits."""
    expected = hmac.digest(secret.encode(), body, "sha256").hex()
    return hmac.compare_digest((given or "").lower().encode("utf-8", "replace"), expected.encode())
