"""The published client connects repositories."""

from __future__ import annotations

from testbed.running import Platform
from tests.conformance.client import mixpeek as mx
from tests.conformance.driving import NO_SUCH_APP, connect, create, refused

URL = "https://git.example.org/team/shop.git"


def test_the_published_client_connects_a_repository_and_disconnects_it(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api).app_id
    answer = api.connect_repo_apps(app, mx.ConnectRepoRequest(repo_url=URL, branch="release"))
    assert (answer["repo_url"], answer["branch"]) == (URL, "release")
    assert answer["webhook_url"] == f"{platform.api_url}/webhooks/apps/plain/{app}"
    assert len(answer["webhook_secret"]) > 40
    shown = api.get_app(app)
    assert (shown.repo_url, shown.repo_branch, shown.github_installation_id) == (URL, "release", None)
    (listed,) = [item for item in api.list_apps().results if item.app_id == app]
    assert (listed.repo_url, listed.repo_branch) == (URL, "release")

    assert api.disconnect_repo_apps_id_connect(app)["success"] is True
    assert api.get_app(app).repo_url is None
    refused(404, "repository_not_connected", lambda: api.disconnect_repo_apps_id_connect(app))


def test_the_default_branch_is_main(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api).app_id
    assert api.connect_repo_apps(app, mx.ConnectRepoRequest(repo_url=URL))["branch"] == "main"
    assert api.connect_repo_apps(app, mx.ConnectRepoRequest(repo_url=URL, branch=None))["branch"] == "main"


def test_an_easel_without_a_github_app_says_so(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api).app_id
    refused(400, "github_app_not_configured", lambda: api.github_install_url_apps(app))
    request = mx.ConnectRepoRequest(repo_url="https://github.com/team/shop", github_installation_id=7)
    refused(400, "github_app_not_configured", lambda: api.connect_repo_apps(app, request))
    refused(404, "app_not_found", lambda: api.github_install_url_apps(NO_SUCH_APP))
    none = connect(platform.api_url, None)
    refused(401, "authentication_required", lambda: none.connect_repo_apps(app, request))
