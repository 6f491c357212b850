"""Determines the kind of host that sent a webhook."""

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
# Gitea sends GitHub's headers too, so its own headers are checked first.
_MARKS: Final[tuple[tuple[str, Provider], ...]] = (
    ("x-forgejo-event", "gitea"),
    ("x-gitea-event", "gitea"),
    ("x-gitlab-event", "gitlab"),
    ("x-event-key", "bitbucket"),
    ("x-github-event", "github"),
)


def sender_of(headers: Headers, named: Provider) -> Sender:
    """Returns the kind of host that sent the request, from the request's headers. If the headers do not show the kind,
    returns the kind of the address."""
    return _SENDERS[next((provider for mark, provider in _MARKS if mark in headers), named)]
