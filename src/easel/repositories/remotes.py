"""Opens a connected repository for fetching, with decrypted credentials."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from easel.access.secrets import Vault
from easel.repositories.fetch.models import Remote
from easel.repositories.github_app import installation_token
from easel.repositories.models import Repository
from easel.repositories.remote_url import read_url
from easel.repositories.schemas import Provider
from easel.settings import Settings


async def open_remote(vault: Vault, settings: Settings, repository: Repository) -> Remote:
    """Returns a repository's address and decrypted credentials, to fetch from it. If it uses an installation of the
    GitHub App, requests a token for this installation. Raises SecretUnreadableError and the errors of
    `installation_token`."""
    remote = remote_of(vault, repository)
    installation = repository.github_installation_id
    if installation is None or remote.token is not None:
        return remote
    return replace(remote, token=await installation_token(settings, installation, remote.url))


def remote_of(vault: Vault, repository: Repository) -> Remote:
    """Returns a repository's address and its stored credentials, decrypted. Raises SecretUnreadableError if the secret
    key has changed."""
    token, key = repository.sealed_token, repository.sealed_deploy_key
    return Remote(
        url=read_url(repository.repo_url),
        provider=cast("Provider", repository.provider),
        username=repository.username,
        token=vault.open(token) if token is not None else None,
        deploy_key=vault.open(key) if key is not None else None,
        known_hosts=repository.known_hosts,
        allow=frozenset(repository.allow),
    )
