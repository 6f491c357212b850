"""Determines the kind of Git host that sent a webhook."""

from __future__ import annotations

from typing import Final

from easel.repositories.providers.bitbucket import BitbucketSender
from easel.repositories.providers.gitea import GiteaSender
from easel.repositories.providers.github import GithubSender
from easel.repositories.providers.gitlab import GitlabSender
from easel.repositories.providers.models import Headers, Sender
from easel.repositories.providers.plain import PlainSender
from easel.repositories.schemas import Provider

_SENDERS: Final[dict[Provider, Sender]] = {
    "github": GithubSender(),
    "gitlab": GitlabSender(),
    "gitea": GiteaSender(),
    "bitbucket": BitbucketSender(),
    "plain": PlainSender(),
}
# Gitea also sends GitHub's headers, so Gitea's own headers are checked first.
_MARKS: Final[tuple[tuple[str, Provider], ...]] = (
    ("x-forgejo-event", "gitea"),
    ("x-gitea-event", "gitea"),
    ("x-gitlab-event", "gitlab"),
    ("x-event-key", "bitbucket"),
    ("x-github-event", "github"),
)


def sender_of(headers: Headers, named: Provider) -> Sender:
    """Determines the kind of Git host that sent a webhook request, from its headers. If they do not show the kind, it
    is the kind in the webhook's address (`named`)."""
    return _SENDERS[next((provider for mark, provider in _MARKS if mark in headers), named)]
