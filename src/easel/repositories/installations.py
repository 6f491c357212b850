"""Installations of the GitHub App for which a user has proved that they belong to an organisation, and the apps that
use them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from easel import clock
from easel.apps.models import App
from easel.apps.row_lock import held
from easel.repositories.errors import CredentialMismatchError, InstallationNotLinkedError
from easel.repositories.github_app import GithubApp
from easel.repositories.models import GithubInstallation, Repository
from easel.repositories.remote_url import RemoteUrl, read_url
from easel.repositories.schemas import ConnectRepoRequest
from easel.settings import Settings
from easel.storage.database import Transaction

_MOST_READ: Final = 10_000


async def take_installation(
    work: Transaction,
    settings: Settings,
    app: App,
    repository: Repository,
    request: ConnectRepoRequest,
    url: RemoteUrl,
) -> None:
    """Makes the app's repository use an installation of the GitHub App. Somebody in the organisation must have proved
    that it belongs to them. Raises GithubAppMissingError, InstallationNotLinkedError, CredentialMismatchError."""
    if "github_installation_id" not in request.model_fields_set:
        if repository.github_installation_id is None and not request.token and _fits_installation(repository, url):
            repository.github_installation_id = await _linked(work, app)
        return
    installation = request.github_installation_id
    if installation is not None:
        GithubApp.of(settings)
        if not _fits_installation(repository, url):
            raise CredentialMismatchError(
                reason="An installation of the GitHub App works only with an https address at GitHub."
            )
        if not await _is_linked(work, app, installation):
            raise InstallationNotLinkedError(installation=installation)
    repository.github_installation_id = installation


def _fits_installation(repository: Repository, url: RemoteUrl) -> bool:
    return url.scheme != "ssh" and repository.provider == "github"


async def _linked(work: Transaction, app: App) -> int | None:
    """Returns the id of the GitHub App's installation that is linked to this app. Returns None if no installation is
    linked."""
    return await work.session.scalar(
        select(GithubInstallation.installation_id).where(
            GithubInstallation.app_id == app.id, GithubInstallation.org_id == app.org_id
        )
    )


async def _is_linked(work: Transaction, app: App, installation: int) -> bool:
    """Returns true if somebody in the app's organisation has proved, for any of its apps, that the installation belongs
    to them."""
    found = await work.session.scalar(
        select(GithubInstallation.app_id)
        .where(GithubInstallation.org_id == app.org_id, GithubInstallation.installation_id == installation)
        .limit(1)
    )
    return found is not None


async def read_through(work: Transaction, installation: int, name: str, most: int) -> list[tuple[str, str]]:
    """Returns at most `most` apps (id, organisation) that follow the repository `owner/name` (the parameter `name`)
    through this installation of the GitHub App."""
    found = await work.session.execute(
        select(Repository.app_id, Repository.org_id, Repository.repo_url)
        .where(Repository.github_installation_id == installation)
        .order_by(Repository.app_id)
        .limit(_MOST_READ)
    )
    wanted = name.lower()
    return [
        (app, organisation)
        for app, organisation, url in found
        if read_url(url).path.removesuffix(".git").lower() == wanted
    ][:most]


async def link_installation(work: Transaction, org_id: str, app_id: str, installation: int) -> App | None:
    """Records that a user has proved that the installation belongs to them, and makes the app's GitHub repository use
    it. Returns the app. Returns None if the app was deleted in the meantime."""
    app = await work.session.scalar(
        held(select(App).where(App.id == app_id, App.org_id == org_id, App.deleted_at.is_(None)))
    )
    if app is None:
        return None
    noted = insert(GithubInstallation).values(
        app_id=app.id, org_id=org_id, installation_id=installation, linked_at=clock.now()
    )
    await work.session.execute(
        noted.on_conflict_do_update(
            index_elements=["app_id"],
            set_={"installation_id": noted.excluded.installation_id, "linked_at": noted.excluded.linked_at},
        )
    )
    repository = await work.session.scalar(
        select(Repository).where(
            Repository.app_id == app.id, Repository.org_id == org_id, Repository.sealed_token.is_(None)
        )
    )
    if repository is not None and _fits_installation(repository, read_url(repository.repo_url)):
        repository.github_installation_id = installation
        await work.session.flush()
    return app
