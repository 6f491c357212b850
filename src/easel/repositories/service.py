"""Connects an app to a Git repository, and reads the connection."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select

from easel import clock
from easel.access.secrets import SecretUnreadableError, Vault
from easel.apps.models import App
from easel.bundles.names import check_path, printable
from easel.errors import EaselError
from easel.ids import new_secret
from easel.outgoing.addresses import Destinations
from easel.repositories.errors import (
    CredentialMismatchError,
    NothingConnectedError,
    PlainHttpError,
    PrivateRepositoryHostError,
    RepositoryRootError,
    WebhookSecretError,
)
from easel.repositories.host_keys import published, read_known_hosts
from easel.repositories.installations import take_installation
from easel.repositories.models import GithubInstallation, Repository, WebhookDelivery
from easel.repositories.providers.hosts import recognise
from easel.repositories.remote_url import RemoteUrl, check_branch, read_url
from easel.repositories.schemas import ConnectRepoRequest, Credential
from easel.settings import Settings
from easel.storage.database import Database, Transaction
from easel.storage.statements import statements

_SQL = statements(__name__)

DEFAULT_BRANCH = "main"
_LOOPBACK: Final = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))


@dataclass(frozen=True, slots=True)
class ConnectedRepository:
    """A repository that was just connected. `webhook_secret` is set only if the secret was just created. `has_new_key`
    is true if the deploy key was just created."""

    repository: Repository
    webhook_secret: str | None
    has_new_key: bool


async def connected(work: Transaction, app: App) -> Repository | None:
    """Returns the repository that the app follows. Returns None if the app follows no repository."""
    return await work.session.scalar(
        select(Repository).where(Repository.app_id == app.id, Repository.org_id == app.org_id)
    )


async def connect(
    work: Transaction, vault: Vault, settings: Settings, app: App, request: ConnectRepoRequest, actor: str
) -> ConnectedRepository:
    """Makes the app follow a branch. The caller has locked the app's row.

    Connecting the same repository again keeps its credentials and webhook secret. A repository at another address gets
    none of these secrets. Raises RepositoryUrlError and similar errors of the address, BranchNameError,
    CredentialMismatchError, DeployKeyError, KnownHostsError, RepositoryRootError, WebhookSecretError,
    GithubAppMissingError, InstallationNotLinkedError.
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
    if repository is not None:
        _drop_unreadable(vault, repository)
    secret = _webhook_secret(request, is_new=repository is None or not repository.sealed_webhook_secret)
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
    await take_installation(work, settings, app, repository, request, url)
    has_new_key = _take_credential(vault, app, repository, request, url)
    await work.session.flush()
    return ConnectedRepository(repository, secret, has_new_key)


async def disconnect(work: Transaction, app: App) -> Repository:
    """Disconnects the app from its repository, and deletes the repository's secrets. Returns the deleted connection.
    Raises NothingConnectedError."""
    repository = await connected(work, app)
    if repository is None:
        raise NothingConnectedError()
    await work.session.delete(repository)
    await work.session.flush()
    return repository


async def webhook_secret_of(database: Database, app_id: str) -> tuple[str, str] | None:
    """Returns the id of the app's organisation, and the encrypted webhook secret of the app's repository. Returns None
    if there is no secret."""
    found = await database.statement(_SQL["webhook_secret"], {"app": app_id})
    return (found[0][0], found[0][1]) if found else None


async def following(work: Transaction, app_id: str, org_id: str) -> tuple[App, Repository] | None:
    """Returns the app and its repository, for a verified webhook. Returns None if the app was disconnected from its
    repository in the meantime."""
    found = await work.session.execute(
        select(App, Repository)
        .join(Repository, Repository.app_id == App.id)
        .where(App.id == app_id, App.org_id == org_id, Repository.org_id == org_id, App.deleted_at.is_(None))
    )
    row = found.one_or_none()
    return (row[0], row[1]) if row is not None else None


async def forget(work: Transaction, app_id: str) -> None:
    """Deletes all data about a deleted app's repository, above all its secrets."""
    for model in (Repository, GithubInstallation, WebhookDelivery):
        await work.session.execute(delete(model).where(model.app_id == app_id))


def is_readable(vault: Vault, repository: Repository) -> bool:
    """Returns true if all secrets of the repository can be decrypted. They cannot be after a change of the instance's
    secret key."""
    sealed = (repository.sealed_webhook_secret, repository.sealed_token, repository.sealed_deploy_key)
    return all(_opens(vault, value) for value in sealed if value is not None)


def _opens(vault: Vault, sealed: str) -> bool:
    try:
        vault.open(sealed)
    except SecretUnreadableError:
        return False
    return True


def _drop_unreadable(vault: Vault, repository: Repository) -> None:
    """Deletes those secrets of the repository that can no longer be decrypted, so that a new connection creates new
    secrets."""
    if not _opens(vault, repository.sealed_webhook_secret):
        repository.sealed_webhook_secret = ""
    if repository.sealed_token is not None and not _opens(vault, repository.sealed_token):
        repository.sealed_token = None
    if repository.sealed_deploy_key is not None and not _opens(vault, repository.sealed_deploy_key):
        repository.sealed_deploy_key = repository.deploy_key = None


def credential_of(repository: Repository) -> Credential | None:
    """Returns the kind of credential with which the repository is fetched."""
    if repository.sealed_token is not None:
        return "token"
    if repository.sealed_deploy_key is not None:
        return "deploy_key"
    return "github_app" if repository.github_installation_id is not None else None


def _webhook_secret(request: ConnectRepoRequest, *, is_new: bool) -> str | None:
    """Returns the webhook secret to store: the secret in the request, or a new secret. Returns None to keep the stored
    secret."""
    if request.webhook_secret is not None:
        given = request.webhook_secret
        if not 16 <= len(given) <= 255 or not all(33 <= ord(character) < 127 for character in given):
            raise WebhookSecretError()
        return given
    return new_secret() if is_new or request.new_webhook_secret else None


def _given(request: ConnectRepoRequest, name: str) -> bool:
    return name in request.model_fields_set


def _root(root: str | None) -> str | None:
    named = (root or "").strip().strip("/").removeprefix("./")
    if named in ("", "."):
        return None
    try:
        return check_path(named)
    except EaselError as error:
        raise RepositoryRootError(root=printable(named), reason=error.message) from error


def _require_reachable(url: RemoteUrl, settings: Settings) -> None:
    """Refuses early an address that every fetch would refuse. Names that resolve to private addresses are checked
    elsewhere (`checking.require_public_name`)."""
    address, destinations = url.address, Destinations.of(settings)
    if address is not None and not destinations.allows(address):
        raise PrivateRepositoryHostError(host=url.host)
    if (url.host == "localhost" or url.host.endswith(".localhost")) and not any(
        destinations.allows(loopback) for loopback in _LOOPBACK
    ):
        raise PrivateRepositoryHostError(host=url.host)
    is_public = address is not None and Destinations().allows(address)
    if url.scheme == "http" and (is_public or not destinations.private_networks):
        raise PlainHttpError()


def _require_fitting(url: RemoteUrl, request: ConnectRepoRequest) -> None:
    """Refuses a request with credentials that cannot be used with the address. Raises CredentialMismatchError."""
    key = request.deploy_key or request.new_deploy_key
    if url.scheme != "ssh" and (key or request.known_hosts):
        raise CredentialMismatchError(
            reason="A deploy key and `known_hosts` work only with an ssh address. Send the repository's ssh address, "
            "or a token instead."
        )
    if url.scheme == "ssh" and (request.token or request.username):
        raise CredentialMismatchError(
            reason="A token works only with an https address. Send the repository's https address, or a deploy key "
            "instead."
        )
    if request.deploy_key and request.new_deploy_key:
        raise CredentialMismatchError(
            reason="`deploy_key` supplies a key, and `new_deploy_key` creates one. Send only one of them."
        )
    if request.token is not None and not (request.token.isascii() and request.token.isprintable()):
        raise CredentialMismatchError(reason="The token contains invalid characters.")
    if request.username is not None and (":" in request.username or not request.username.isprintable()):
        raise CredentialMismatchError(reason="The user name contains a colon or control characters.")


def _take_credential(
    vault: Vault, app: App, repository: Repository, request: ConnectRepoRequest, url: RemoteUrl
) -> bool:
    """Stores the credential that the request contains. Returns true if a deploy key was created, which the Git host
    does not know yet."""
    if _given(request, "token"):
        repository.sealed_token = vault.seal(request.token) if request.token else None
    if url.scheme != "ssh":
        repository.username = request.username or url.user or repository.username
        return False
    is_needed = bool(request.deploy_key or request.new_deploy_key or repository.sealed_deploy_key is None)
    if is_needed:
        # The module is imported here, because its library takes three mebibytes of memory.
        from easel.repositories.deploy_keys import make_key, read_key

        comment = f"easel-{app.slug}"
        key = read_key(request.deploy_key, comment) if request.deploy_key else make_key(comment)
        repository.sealed_deploy_key, repository.deploy_key = vault.seal(key.private), key.public
    if request.known_hosts:
        repository.known_hosts = read_known_hosts(request.known_hosts, url)
    elif repository.known_hosts is None:
        repository.known_hosts = published(url)
    return is_needed and not request.deploy_key
