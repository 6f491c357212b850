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
"""Maximum number of files and folders of a commit. A few objects are enough for a huge number, because a tree can
contain the same subtree many times."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Selects the newest commit of a branch."""

    name: str


@dataclass(frozen=True, slots=True)
class Sha:
    """Selects one commit by its full id. If the server sends only whole branches, the newest commits of `branch` are
    searched for it."""

    sha: str
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Selects one commit by its full id, which must be the newest commit of the branch."""

    sha: str
    branch: str


Ref = Branch | Sha | Head
"""Selects the commit that is fetched."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository with its decrypted credential: a token with its user, a private deploy key, or no credential.
    `known_hosts` contains the keys of an ssh host."""

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
        """Returns the limits that the settings set for a fetch."""
        return cls(settings.git_max_bytes, MOST_FILES, settings.git_deadline)


@dataclass(frozen=True, slots=True)
class Commit:
    """A fetched commit. `branch` is the requested branch, or None. `message` and `author` are truncated to the limits
    of a deploy."""

    sha: str
    message: str
    author: str
    branch: str | None


def check_sha(sha: str) -> str:
    """Checks that `sha` is the full id of a commit, and returns it in lower case. Raises CommitShaError for a shorter
    id, because servers find commits only by full ids."""
    lowered = sha[:65].lower()
    if not _SHA.fullmatch(lowered):
        raise CommitShaError(sha=printable(sha))
    return lowered
