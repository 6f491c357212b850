"""Determines the kind of Git host of an address."""

from __future__ import annotations

from typing import Final

from easel.repositories.remote_url import RemoteUrl
from easel.repositories.schemas import Provider

_KNOWN: Final[dict[str, Provider]] = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucket",
    "codeberg.org": "gitea",
    "gitea.com": "gitea",
}
_NAMED: Final[dict[str, Provider]] = {
    "github": "github",
    "gitlab": "gitlab",
    "gitea": "gitea",
    "forgejo": "gitea",
    "bitbucket": "bitbucket",
}

_TOKEN_USERS: Final[dict[Provider, str]] = {
    "github": "x-access-token",
    "gitlab": "oauth2",
    "gitea": "oauth2",
    "bitbucket": "x-token-auth",
    "plain": "git",
}


def recognise(url: RemoteUrl) -> Provider:
    """Returns the kind of host, recognised by its name or by the first label of its name (`gitlab.example.com`).
    Returns `plain` for an unknown host."""
    if ssh := {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}.get(url.host):
        return _KNOWN[ssh]
    return _KNOWN.get(url.host) or _NAMED.get(url.host.partition(".")[0], "plain")


def token_user(provider: Provider) -> str:
    """Returns the user name for an access token in HTTP Basic authentication."""
    return _TOKEN_USERS[provider]


_COMMITS: Final[dict[Provider, str]] = {
    "github": "/commit/",
    "gitlab": "/-/commit/",
    "gitea": "/commit/",
    "bitbucket": "/commits/",
}


def commit_page(provider: Provider, url: RemoteUrl, sha: str) -> str | None:
    """Returns the address of a commit's web page. Returns None for a kind of host that has no such page."""
    part = _COMMITS.get(provider)
    return f"{url.web}{part}{sha}" if part is not None else None
