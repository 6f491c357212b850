"""What a fetch is given, and what it gives."""

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
"""Files and folders of a commit: a tree may hold others many times over, and be small."""


@dataclass(frozen=True, slots=True)
class Branch:
    """The newest commit of a branch."""

    name: str


@dataclass(frozen=True, slots=True)
class Sha:
    """One commit by its full id; `branch` is where it is looked for on a server that gives branches only."""

    sha: str
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """One commit by its full id, which has to be the newest of the branch."""

    sha: str
    branch: str


Ref = Branch | Sha | Head
"""The commit that a fetch is for."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository and what it takes to read it, opened: a token with its user, or a private deploy key, or nothing.
    `known_hosts` are the keys of an ssh host."""

    url: RemoteUrl
    provider: Provider
    username: str | None = None
    token: str | None = field(default=None, repr=False)
    deploy_key: str | None = field(default=None, repr=False)
    known_hosts: str | None = None
    allow: frozenset[Without] = frozenset()


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """The bounds of a fetch: bytes that come and bytes and files of the tree; seconds of the whole."""

    bytes: int
    files: int
    seconds: float

    @classmethod
    def of(cls, settings: Settings) -> FetchLimits:
        """As the settings say."""
        return cls(settings.git_max_bytes, MOST_FILES, settings.git_deadline)


@dataclass(frozen=True, slots=True)
class Commit:
    """The fetched commit. `branch` is the one it was asked of, if any; `message` and `author` are cut to what a deploy
    may hold."""

    sha: str
    message: str
    author: str
    branch: str | None


def check_sha(sha: str) -> str:
    """The full id of a commit in lower case. Raises CommitShaError: a server finds no commit by a shorter one."""
    lowered = sha[:65].lower()
    if not _SHA.fullmatch(lowered):
        raise CommitShaError(sha=printable(sha))
    return lowered
