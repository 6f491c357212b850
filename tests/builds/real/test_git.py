"""A push to a real Git server is live a moment later: over http with a token, and over ssh with a deploy key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from easel.repositories.deploy_keys import make_key
from testbed.git_server import SSHD, BareRepository, git_server, ssh_server
from testbed.running import Platform, RunningApp, make_platform
from tests.repositories.test_senders import Make, github, gitlab

pytestmark = pytest.mark.builds


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Yields a platform that builds, and may fetch from this machine."""
    platform = make_platform(tmp_path_factory.mktemp("builds"), EASEL_PRIVATE_NETWORKS="127.0.0.0/8")
    platform.start()
    yield platform
    platform.stop()


def pushed(app: RunningApp, connection: dict[str, Any], make: Make, sha: str) -> dict[str, Any]:
    """Sends the webhook of a push, and waits for its deploy."""
    content = {"ref": "refs/heads/main", "after": sha, "commits": [{"id": sha, "message": "A push"}]}
    body = json.dumps(content).encode()
    heard = httpx.post(
        connection["webhook_url"],
        content=body,
        headers={**make(body, connection["webhook_secret"]), "X-GitHub-Delivery": sha, "Idempotency-Key": sha},
        trust_env=False,
    )
    assert heard.status_code == 202, heard.text
    status = app.wait(heard.json()["deploy_id"], 120)
    if status.get("error_code") == "sandbox_unavailable":
        pytest.skip(status["error"])
    return status


def page(word: str) -> dict[str, str | bytes]:
    return {"web/index.html": f"<!doctype html><title>{word}</title>\n{word}\n", "README.md": word}


def test_pushes_to_a_private_repository_are_live_and_compared(builds: Platform, tmp_path: Path) -> None:
    with git_server(tmp_path) as server:
        repository = server.repository("private/team/shop.git")
        server.user, server.password = "oauth2", "a token"
        app = RunningApp.create(builds)
        asked = {"repo_url": f"{server.url}/private/team/shop.git", "provider": "gitlab", "token": "a token"}
        connection = app.client.post(f"{app.path}/connect-repo", json={**asked, "root": "web"}).json()
        first = repository.commit(page("one"))
        assert pushed(app, connection, gitlab, first)["status"] == "complete"
        second = repository.commit(page("two"), after=first)
        assert pushed(app, connection, gitlab, second)["version"] == 2
        assert "two" in app.visit().text
        diff = app.client.get(f"{app.path}/versions/1/diff/2").json()["source_diff"]
        assert "+two" in diff["web/index.html"]
        # The old commit is deployed again, although no branch contains it any more.
        repository.commit(page("three"))
        order = {"message": "back", "source": "git", "git_commit_sha": first}
        again = app.client.post(f"{app.path}/deploy", json=order).json()["deploy_id"]
        assert app.wait(again, 120)["status"] == "complete"
        assert "one" in app.visit().text
        server.password = "replaced"
        failed = pushed(app, connection, gitlab, repository.commit(page("four")))
        assert (failed["status"], failed["error_code"]) == ("failed", "repository_credentials_refused")
        assert "one" in app.visit().text


@pytest.mark.skipif(SSHD is None, reason="sshd is not on this machine; install Debian's openssh-server")
def test_a_push_is_fetched_by_the_deploy_key_that_easel_made(builds: Platform, tmp_path: Path) -> None:
    app = RunningApp.create(builds)
    repository = BareRepository.create(tmp_path / "shop.git")
    sha = repository.commit({"index.html": "<!doctype html><title>over ssh</title>"})
    with ssh_server(tmp_path, make_key("another").public) as sshd:
        asked = {"repo_url": sshd.url("shop.git"), "known_hosts": sshd.known_hosts, "provider": "github"}
        connection = app.client.post(f"{app.path}/connect-repo", json=asked).json()
        refused = pushed(app, connection, github, sha)
        assert refused["error_code"] == "repository_credentials_refused"
        (tmp_path / ".sshd" / "authorized_keys").write_text(connection["deploy_key"] + "\n")
        order = {"message": "again", "source": "git"}
        deploy = app.client.post(f"{app.path}/deploy", json=order).json()["deploy_id"]
        status = app.wait(deploy, 120)
        assert (status["status"], status["git_commit_sha"]) == ("complete", sha), status
        assert "over ssh" in app.visit().text
