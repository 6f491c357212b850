"""The operations on an app's repository."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from easel.access.secrets import MASK
from easel.api.http.context import Admin, Parts, Reader, Work
from easel.api.http.route import EaselRoute
from easel.api.routes.uploads import public_base
from easel.api.routes.webhooks import WEBHOOKS_PATH
from easel.apps.service import get_app
from easel.repositories.checking import check, require_public_name
from easel.repositories.errors import NothingConnectedError
from easel.repositories.github_app import STATE_LIFE, GithubApp, new_state
from easel.repositories.host_keys import fingerprints
from easel.repositories.models import Repository
from easel.repositories.schemas import ConnectRepoRequest, RepositoryAnswer
from easel.repositories.service import connect, connected, credential_of, disconnect, is_readable

router = APIRouter(prefix="/v1/apps/{app_id}", tags=["Apps"], route_class=EaselRoute)

UNREADABLE = (
    "The secrets of this connection cannot be read, because Easel's secret key was replaced. Connect the repository "
    "again with its token, and enter the new webhook secret and deploy key at the Git host."
)


@router.post("/connect-repo", summary="Connect a Repository", response_model=dict[str, Any])
async def connect_repo(
    app_id: str, body: ConnectRepoRequest, request: Request, work: Work, caller: Admin, parts: Parts
) -> dict[str, Any]:
    """Make an app follow a repository's branch, so that `source: "git"` deploys from the branch.

    `webhook_secret` is shown in the first response only. `new_webhook_secret` creates another secret. Tokens and
    private deploy keys are never shown. The repository is read once, for ten seconds at the most. `check` is the result
    of this read. If the read fails, the reason is also among the warnings.
    """
    await get_app(work, caller, app_id)
    await work.release()
    async with parts.fairness.hosts(caller.org_id):
        await require_public_name(parts.settings, body.repo_url)
    await work.resume()
    app = await get_app(work, caller, app_id, lock=True)
    made = await connect(work, parts.vault, parts.settings, app, body, caller.actor)
    answer = describe(made.repository, public_base(parts.settings, request), made.webhook_secret)
    # From here on, the app is connected to the repository, even if the repository's host does not respond.
    await work.release()
    async with parts.fairness.hosts(caller.org_id):
        answer.check = await check(parts.vault, parts.settings, made.repository, has_new_key=made.has_new_key)
    problems = [answer.check.message] if answer.check.status == "failed" else []
    answer.warnings = [*body.unknown_key_warnings(), *problems] or None
    return answer.model_dump(mode="json")


@router.get("/connect-repo", summary="Get the Connected Repository", response_model=RepositoryAnswer)
async def get_repo(app_id: str, request: Request, work: Work, caller: Reader, parts: Parts) -> RepositoryAnswer:
    """Get the repository that an app follows. The token, the private deploy key and the webhook secret are not
    shown."""
    repository = await connected(work, await get_app(work, caller, app_id))
    if repository is None:
        raise NothingConnectedError()
    answer = describe(repository, public_base(parts.settings, request), None)
    if not is_readable(parts.vault, repository):
        answer.warnings = [UNREADABLE]
    return answer


@router.delete("/connect-repo", summary="Disconnect a Repository", response_model=dict[str, Any])
async def disconnect_repo(app_id: str, work: Work, caller: Admin) -> dict[str, Any]:
    """End the connection of an app to its repository. The token, the deploy key and the webhook secret are deleted."""
    app = await get_app(work, caller, app_id, lock=True)
    gone = await disconnect(work, app)
    return {"app_id": app.id, "repo_url": gone.repo_url, "message": "Successfully disconnected", "success": True}


@router.get("/github/install-url", summary="Get the GitHub Install URL", response_model=dict[str, Any])
async def github_install_url(app_id: str, work: Work, caller: Admin, parts: Parts) -> dict[str, Any]:
    """Get the address at which the GitHub App is installed for the app's repository. The address is valid for an
    hour."""
    app = await get_app(work, caller, app_id)
    github = GithubApp.of(parts.settings)
    state = new_state(parts.vault, app.org_id, app.id)
    url = github.install_url(state)
    return {"app_id": app.id, "install_url": url, "url": url, "state": state, "expires_in": STATE_LIFE}


def describe(repository: Repository, base: str, secret: str | None) -> RepositoryAnswer:
    """Returns the response about a repository. `base` is the api's public address, `secret` the webhook secret to
    show."""
    return RepositoryAnswer(
        app_id=repository.app_id,
        repo_url=repository.repo_url,
        branch=repository.branch,
        provider=repository.provider,
        webhook_url=f"{base.rstrip('/')}{WEBHOOKS_PATH}/{repository.provider}/{repository.app_id}",
        webhook_secret=secret or MASK,
        credential=credential_of(repository),
        username=repository.username,
        deploy_key=repository.deploy_key,
        host_keys=fingerprints(repository.known_hosts),
        github_installation_id=repository.github_installation_id,
        root=repository.root,
        allow=repository.allow,
        connected_by=repository.connected_by,
        connected_at=repository.connected_at,
    )
