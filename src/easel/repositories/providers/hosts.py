"""Determines the kind of a Git host (GitHub, GitLab, …) from its address."""

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


_SSH_ALONE: Final = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}
"""Names at which a Git host offers only ssh, each with the host's name for https."""
_ARCHIVES: Final = {"github.com": ("codeload.github.com",)}
"""For each Git host, the hosts from which package managers download a dependency whose repository is on this Git
host."""


def build_hosts(url: RemoteUrl) -> tuple[str, ...]:
    """Returns the hosts that a build of the repository at this address may reach, because its dependencies are often on
    the same Git host."""
    host = _SSH_ALONE.get(url.host, url.web_host)
    return (host, *_ARCHIVES.get(host, ()))


def recognise(url: RemoteUrl) -> Provider:
    """Returns the kind of Git host at this address, recognised by its name or by the first label of its name
    (`gitlab.example.com`). Returns `plain` for an unknown host."""
    if web := _SSH_ALONE.get(url.host):
        return _KNOWN[web]
    return _KNOWN.get(url.host) or _NAMED.get(url.host.partition(".")[0], "plain")


def token_user(provider: Provider) -> str:
    """Returns the user name that this kind of Git host expects with an access token in HTTP Basic authentication."""
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
