"""Checks whether a repository can be read, when it is connected. Without this check, only the first deploy would show
errors."""

from __future__ import annotations

from typing import Final

from easel.access.secrets import Vault
from easel.errors import EaselError
from easel.outgoing.addresses import Destinations
from easel.outgoing.errors import DestinationRefusedError, HostUnknownError
from easel.repositories.errors import (
    BranchMissingError,
    GitMissingError,
    PrivateRepositoryHostError,
    SshMissingError,
)
from easel.repositories.fetch.probing import probe
from easel.repositories.models import Repository
from easel.repositories.remote_url import read_url
from easel.repositories.remotes import open_remote
from easel.repositories.schemas import RepositoryCheck
from easel.settings import Settings

SECONDS: Final = 10.0
"""Timeout in seconds for the response of the Git host."""


async def require_public_name(settings: Settings, repo_url: str) -> None:
    """Raises PrivateRepositoryHostError if the host name in the repository's address resolves to a private network,
    because every fetch would refuse it. A name that does not resolve is accepted. Raises the errors of `read_url`."""
    url = read_url(repo_url)
    if url.address is not None:
        # `connect` reports that this address is invalid.
        return
    try:
        await Destinations.of(settings).resolve(url.host, url.port)
    except DestinationRefusedError:
        raise PrivateRepositoryHostError(host=url.host) from None
    except HostUnknownError:
        return


async def check(vault: Vault, settings: Settings, repository: Repository, *, has_new_key: bool) -> RepositoryCheck:
    """Reads the newest commit of the followed branch from its Git host, within `SECONDS`, and returns the result.
    `has_new_key` is true if the deploy key was just created, so that no host knows it yet."""
    if has_new_key:
        return RepositoryCheck(
            status="not_checked",
            message="The repository was not checked yet. Add the deploy key to the repository, and then connect the "
            "repository again to check it.",
        )
    try:
        remote = await open_remote(vault, settings, repository)
        settings.scratch_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = await probe(
            remote,
            repository.branch,
            destinations=Destinations.of(settings),
            within=settings.scratch_dir,
            seconds=SECONDS,
        )
    except (GitMissingError, SshMissingError) as error:
        return RepositoryCheck(
            status="not_checked",
            code=error.code,
            message="The repository was not checked yet. The first deploy from it will check it.",
        )
    except EaselError as error:
        return RepositoryCheck(status="failed", code=error.code, message=error.message)
    if found.head is None:
        named = ", ".join(f"`{name}`" for name in found.others)
        return RepositoryCheck(
            status="failed",
            code=BranchMissingError.code,
            message=f"The repository has no branch `{repository.branch}`. Push the branch, or connect the repository "
            "again with another branch. " + (f"Its branches: {named}." if named else "It has no branches yet."),
            branches=list(found.others),
        )
    return RepositoryCheck(
        status="read",
        message=f"Easel can read the repository. The newest commit of `{repository.branch}` is {found.head[:12]}.",
        commit=found.head,
    )
