"""Connecting an app with a repository, and reading what it is connected with."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select

from easel import clock
from easel.access.secrets import Vault
from easel.apps.models import App
from easel.bundles.names import check_path
from easel.errors import EaselError
from easel.ids import new_secret
from easel.repositories.deploy_keys import make_key, read_key
from easel.repositories.errors import (
    CredentialMismatchError,
    GithubAppMissingError,
    NothingConnectedError,
    PlainHttpError,
    PrivateRepositoryHostError,
    RepositoryRootError,
)
from easel.repositories.host_keys import published, read_known_hosts
from easel.repositories.models import GithubInstallation, Repository, WebhookDelivery
from easel.repositories.providers.hosts import recognise
from easel.repositories.remote_url import RemoteUrl, check_branch, read_url
from easel.repositories.schemas import ConnectRepoRequest, Credential
from easel.settings import Settings
from easel.storage.database import Transaction

DEFAULT_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Connected:
    """A connected repository, and its webhook secret where it was made just now."""

    repository: Repository
    webhook_secret: str | None


async def connected(work: Transaction, app: App) -> Repository | None:
    """The repository that the app follows; None where it follows none."""
    return await work.session.scalar(
        select(Repository).where(Repository.app_id == app.id, Repository.org_id == app.org_id)
    )


async def connect(
    work: Transaction, vault: Vault, settings: Settings, app: App, request: ConnectRepoRequest, actor: str
) -> Connected:
    """Makes the app, whose row the caller holds, follow a branch. Credentials and webhook secret stay where the same
    repository is connected again; another address gets none of them.

    Raises RepositoryUrlError and its like, BranchNameError, CredentialMismatchError, DeployKeyError, KnownHostsError,
    RepositoryRootError, GithubAppMissingError, InstallationNotLinkedError.
    """
    url = read_url(request.repo_url)
    branch = check_branch(request.branch or DEFAULT_BRANCH)
    _require_reachable(url, settings)
    _require_fitting(url, request)
    repository = await connected(work, app)
    if repository is not None and repository.repo_url != url.text:
        await work.session.delete(repository)
        await work.session.flush()
        repository = None
    secret = new_secret() if repository is None or request.new_webhook_secret else None
    if repository is None:
        repository = Repository(app_id=app.id, org_id=app.org_id, repo_url=url.text, allow=[])
        work.session.add(repository)
    if secret is not None:
        repository.sealed_webhook_secret = vault.seal(secret)
    repository.branch = branch
    repository.provider = request.provider or recognise(url)
    if _given(request, "root"):
        repository.root = _root(request.root)
    if _given(request, "allow"):
        repository.allow = sorted(set(request.allow or ()))
    repository.connected_by, repository.connected_at = actor, clock.now()
    await _take_installation(work, settings, app, repository, request, url)
    _take_credential(vault, app, repository, request, url)
    await work.session.flush()
    return Connected(repository, secret)


async def disconnect(work: Transaction, app: App) -> Repository:
    """Ends the connection, and forgets its secrets; returns what was connected. Raises NothingConnectedError."""
    repository = await connected(work, app)
    if repository is None:
        raise NothingConnectedError()
    await work.session.delete(repository)
    await work.session.flush()
    return repository


async def forget(work: Transaction, app_id: str) -> None:
    """Removes everything that is stored about a deleted app's repository, its secrets above all."""
    for model in (Repository, GithubInstallation, WebhookDelivery):
        await work.session.execute(delete(model).where(model.app_id == app_id))


def credential_of(repository: Repository) -> Credential | None:
    """The kind of credential that fetches the repository."""
    if repository.sealed_token is not None:
        return "token"
    if repository.sealed_deploy_key is not None:
        return "deploy_key"
    return "github_app" if repository.github_installation_id is not None else None


def _given(request: ConnectRepoRequest, name: str) -> bool:
    return name in request.model_fields_set


def _root(root: str | None) -> str | None:
    named = (root or "").strip().strip("/").removeprefix("./")
    if named in ("", "."):
        return None
    try:
        return check_path(named)
    except EaselError as error:
        raise RepositoryRootError(root=named[:80], reason=error.message) from error


def _require_reachable(url: RemoteUrl, settings: Settings) -> None:
    """Refuses at once what every fetch would refuse. Names are resolved when something is fetched."""
    address = url.address
    if url.host == "localhost" or url.host.endswith(".localhost") or (address is not None and not address.is_global):
        raise PrivateRepositoryHostError(host=url.host)
    if url.scheme == "http":
        raise PlainHttpError()


def _require_fitting(url: RemoteUrl, request: ConnectRepoRequest) -> None:
    """Refuses credentials that the address has no use for."""
    key = request.deploy_key or request.new_deploy_key
    if url.scheme != "ssh" and (key or request.known_hosts):
        raise CredentialMismatchError(
            reason="A deploy key and `known_hosts` need an ssh address. Send the repository's ssh address, or a token."
        )
    if url.scheme == "ssh" and (request.token or request.username):
        raise CredentialMismatchError(
            reason="A token is for an https address. Send the repository's https address, or a deploy key."
        )
    if request.deploy_key and request.new_deploy_key:
        raise CredentialMismatchError(reason="`deploy_key` brings a key, `new_deploy_key` makes one: send one of them.")
    if request.token is not None and not (request.token.isascii() and request.token.isprintable()):
        raise CredentialMismatchError(reason="The token holds characters that no token has.")
    if request.username is not None and (":" in request.username or not request.username.isprintable()):
        raise CredentialMismatchError(reason="The user name holds a colon or control characters.")


async def _take_installation(
    work: Transaction,
    settings: Settings,
    app: App,
    repository: Repository,
    request: ConnectRepoRequest,
    url: RemoteUrl,
) -> None:
    """Has the repository read through a GitHub App's installation, if this organisation has proved that it is its."""
    if not _given(request, "github_installation_id"):
        return
    installation = request.github_installation_id
    if installation is not None:
        raise GithubAppMissingError()
    repository.github_installation_id = None


def _take_credential(
    vault: Vault, app: App, repository: Repository, request: ConnectRepoRequest, url: RemoteUrl
) -> None:
    if _given(request, "token"):
        repository.sealed_token = vault.seal(request.token) if request.token else None
    if url.scheme != "ssh":
        repository.username = request.username or url.user or repository.username
        return
    if request.deploy_key or request.new_deploy_key or repository.sealed_deploy_key is None:
        comment = f"easel-{app.slug}"
        key = read_key(request.deploy_key, comment) if request.deploy_key else make_key(comment)
        repository.sealed_deploy_key, repository.deploy_key = vault.seal(key.private), key.public
    if request.known_hosts:
        repository.known_hosts = read_known_hosts(request.known_hosts, url)
    elif repository.known_hosts is None:
        repository.known_hosts = published(url)
