"""Webhooks at a running api: which webhooks are accepted, and their effect."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.running import Platform, RunningApp
from tests.repositories.test_connecting import HTTPS, connect
from tests.repositories.test_senders import BITBUCKET, PUSH, SECRET, ZERO, Make, bitbucket, gitea, github, gitlab

DOCS = Path(__file__).parents[2] / "docs" / "git.md"
LARGE = {**PUSH, "commits": [{"id": "ab" * 20, "message": "x" * 2_000, "added": ["a", "b"]}] * 1_000}


def send(app: RunningApp, content: Any, make: Make = github, *, secret: str = SECRET, at: str = "") -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return httpx.post(
        f"{app.platform.api_url}/webhooks/apps/{at or f'github/{app.app_id}'}",
        content=body,
        headers=make(body, secret),
        trust_env=False,
        timeout=30,
    )


@pytest.fixture
def followed(app: RunningApp) -> RunningApp:
    """Returns an app that follows the branch `release`."""
    connect(app, repo_url=HTTPS, branch="release", webhook_secret=SECRET.replace(" ", "-"))
    return app


KNOWN = SECRET.replace(" ", "-")


def test_an_unverified_sender_does_not_learn_which_apps_exist(followed: RunningApp, platform: Platform) -> None:
    unconnected = RunningApp.create(platform)
    answers = [
        send(followed, PUSH, secret="another secret, which is long"),
        send(followed, PUSH, lambda body, secret: {}),
        send(followed, b"no JSON", lambda body, secret: {}),
        send(unconnected, PUSH, secret=KNOWN),
        send(followed, PUSH, secret=KNOWN, at="github/app_0000000000000000"),
        send(followed, PUSH, secret=KNOWN, at="gitlab/" + "x" * 500),
        send(followed, PUSH, gitlab, secret="", at=f"gitlab/{followed.app_id}"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["error"]["code"] == "webhook_refused"
    followed.client.delete(followed.path)
    assert send(followed, PUSH, secret=KNOWN).text == answers[0].text
    assert send(followed, PUSH, at=f"sourceforge/{followed.app_id}").status_code == 404


@pytest.mark.parametrize(
    ("make", "content", "reason"),
    [
        (github, PUSH, "the push is to `main`. This app is deployed from the branch `release`"),
        (github, LARGE, "the push is to `main`"),
        (gitea, {**PUSH, "ref": "refs/tags/release"}, "a push that does not change a branch does not start a deploy"),
        (gitlab, {**PUSH, "ref": "refs/heads/release", "after": ZERO}, "the branch `release` was deleted"),
        (github, {**PUSH, "ref": "refs/heads/release", "after": "abc"}, "`abc` is not a full commit id"),
        (bitbucket, BITBUCKET, "the push is to `gone`, `main`"),
        (lambda body, secret: github(body, secret, "ping"), {"zen": "x"}, "the event `ping` does not start a deploy"),
        (lambda body, secret: github(body, secret, "x" * 200), {}, "`" + "x" * 100 + "`"),
    ],
)
def test_a_delivery_without_a_deploy_is_accepted_with_a_reason(
    followed: RunningApp, make: Make, content: Any, reason: str
) -> None:
    answer = send(followed, content, make, secret=KNOWN)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "ignored"
    assert reason in answer.json()["reason"]
    assert followed.client.get(f"{followed.path}/deploys").json()["total"] == 0


def test_a_push_to_the_branch_is_deployed(followed: RunningApp) -> None:
    content = {**PUSH, "ref": "refs/heads/release"}
    answer = send(followed, content, secret=KNOWN)
    assert answer.status_code == 202, answer.text
    heard = answer.json()
    assert heard["status"] == "deploying"
    status = followed.status(heard["deploy_id"])
    assert (status["source"], status["git_commit_sha"], status["environment"]) == ("git", "ab" * 20, "production")
    assert send(followed, content, secret=KNOWN).json()["status"] == "repeated"


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="curl or openssl is not here")
def test_the_webhook_example_in_the_documents_is_accepted(followed: RunningApp) -> None:
    (script,) = re.findall(r"```sh\n(while read .*?)```", DOCS.read_text(), re.S)
    url = f"{followed.platform.api_url}/webhooks/apps/plain/{followed.app_id}"
    environment = {"PATH": os.environ["PATH"], "WEBHOOK_SECRET": KNOWN, "WEBHOOK_URL": url}
    moved = f"{'0' * 40} {'ab' * 20} refs/heads/other\n"
    for _ in range(2):
        said = subprocess.run(
            ["sh", "-c", script], input=moved, env=environment, capture_output=True, text=True, check=True
        )
        assert (
            json.loads(said.stdout)["reason"]
            == "the push is to `other`. This app is deployed from the branch `release`"
        )


def test_a_signed_but_malformed_body_is_refused(followed: RunningApp) -> None:
    answer = send(followed, b"{", secret=KNOWN)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "webhook_body_invalid")


def test_a_body_beyond_the_limit_is_refused(followed: RunningApp) -> None:
    answer = send(followed, bytes(4 * 1024 * 1024 + 1), secret=KNOWN)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_the_replaced_secret_is_no_longer_accepted(followed: RunningApp) -> None:
    new = connect(followed, repo_url=HTTPS, branch="release", new_webhook_secret=True)["webhook_secret"]
    assert send(followed, PUSH, secret=KNOWN).status_code == 401
    assert send(followed, PUSH, secret=new).status_code == 202
    followed.client.delete(f"{followed.path}/connect-repo")
    assert send(followed, PUSH, secret=new).status_code == 401
