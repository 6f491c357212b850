"""The inputs and results of a fetch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from easel.bundles.names import printable
from easel.repositories.errors import CommitShaError
from easel.repositories.remote_url import RemoteUrl
from easel.repositories.schemas import Provider, Without
from easel.settings import Settings

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


MOST_FILES: Final = 500_000
"""Maximum number of files and folders of a commit. A small tree can contain the same subtree very many times."""


@dataclass(frozen=True, slots=True)
class Branch:
    """The newest commit of a branch."""

    name: str


@dataclass(frozen=True, slots=True)
class Sha:
    """One commit by its full id. On a server that serves branches only, `branch` is searched for the commit."""

    sha: str
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Names one commit by its full id. The commit must be the newest commit of the deployed branch."""

    sha: str
    branch: str


Ref = Branch | Sha | Head
"""The commit that the fetch downloads."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository with its decrypted credential: a token with its user, a private deploy key, or no credential.
    `known_hosts` has the keys of an ssh host."""

    url: RemoteUrl
    provider: Provider
    username: str | None = None
    token: str | None = field(default=None, repr=False)
    deploy_key: str | None = field(default=None, repr=False)
    known_hosts: str | None = None
    allow: frozenset[Without] = frozenset()


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """The limits of a fetch: bytes received, bytes and files of the tree, and seconds in total."""

    bytes: int
    files: int
    seconds: float

    @classmethod
    def of(cls, settings: Settings) -> FetchLimits:
        """Returns the limits from the settings."""
        return cls(settings.git_max_bytes, MOST_FILES, settings.git_deadline)


@dataclass(frozen=True, slots=True)
class Commit:
    """The fetched commit. `branch` is the requested branch, if any. `message` and `author` are truncated to a deploy's
    limits."""

    sha: str
    message: str
    author: str
    branch: str | None


def check_sha(sha: str) -> str:
    """Returns the full id of a commit in lower case. Raises CommitShaError for a shorter id, because servers find
    commits only by full ids."""
    lowered = sha[:65].lower()
    if not _SHA.fullmatch(lowered):
        raise CommitShaError(sha=printable(sha))
    return lowered
