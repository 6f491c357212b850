"""Webhooks of every kind of host are recognised, verified, and parsed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.datastructures import Headers

from easel import clock
from easel.repositories.errors import WebhookBodyError
from easel.repositories.providers.models import Push
from easel.repositories.providers.senders import sender_of
from easel.repositories.schemas import Provider

SECRET = "a secret of the webhook's own"
SHA, ZERO = "ab" * 20, "0" * 40
COMMIT = {"id": SHA, "message": "Fix it\n\nMore", "author": {"name": "Ada", "email": "ada@example.org"}}
PUSHED = Push("main", SHA, "Fix it\n\nMore", "Ada <ada@example.org>")
PUSH: dict[str, Any] = {"ref": "refs/heads/main", "before": "cd" * 20, "after": SHA, "head_commit": COMMIT}


def digest(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(body: bytes, secret: str = SECRET, event: str = "push") -> dict[str, str]:
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "d-1",
        "X-Hub-Signature-256": f"sha256={digest(body, secret)}",
    }


def gitea(body: bytes, secret: str = SECRET, event: str = "push") -> dict[str, str]:
    return {
        **github(body, "Gitea signs these too, but nobody looks", event),
        "X-Gogs-Event": event,
        "X-Gitea-Event": event,
        "X-Gitea-Delivery": "d-1",
        "X-Gitea-Signature": digest(body, secret),
    }


def forgejo(body: bytes, secret: str = SECRET, event: str = "push") -> dict[str, str]:
    return {
        **gitea(body, "nobody looks at Gitea's either", event),
        "X-Forgejo-Event": event,
        "X-Forgejo-Delivery": "d-1",
        "X-Forgejo-Signature": digest(body, secret),
    }


def gitlab(body: bytes, secret: str = SECRET, event: str = "Push Hook") -> dict[str, str]:
    return {"X-Gitlab-Event": event, "Idempotency-Key": "d-1", "X-Gitlab-Token": secret}


def gitlab_signed(body: bytes, secret: str = SECRET, event: str = "Push Hook", at: float = 0) -> dict[str, str]:
    time = str(int(clock.now().timestamp() + at))
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    made = hmac.digest(key, b".".join((b"d-1", time.encode(), body)), "sha256")
    signature = f"v1,{base64.b64encode(made).decode()}"
    return {
        "X-Gitlab-Event": event,
        "webhook-id": "d-1",
        "webhook-timestamp": time,
        "webhook-signature": f"v1,b3RoZXI= {signature}",
    }


def bitbucket(body: bytes, secret: str = SECRET, event: str = "repo:push") -> dict[str, str]:
    return {"X-Event-Key": event, "X-Request-UUID": "d-1", "X-Hub-Signature": f"sha256={digest(body, secret)}"}


def plain(body: bytes, secret: str = SECRET, event: str = "push") -> dict[str, str]:
    return {"X-Delivery": "d-1", "X-Hub-Signature-256": f"sha256={digest(body, secret)}"}


BITBUCKET = {
    "push": {
        "changes": [
            {"new": {"type": "tag", "name": "v1", "target": {"hash": SHA}}},
            {"new": None, "old": {"type": "branch", "name": "gone"}},
            {
                "new": {
                    "type": "branch",
                    "name": "main",
                    "target": {
                        "hash": SHA,
                        "message": "Fix it\n\nMore",
                        "author": {"raw": "Ada <ada@example.org>"},
                    },
                }
            },
        ]
    }
}
CENTRE = {
    "changes": [
        {"ref": {"displayId": "main", "type": "BRANCH"}, "toHash": SHA, "type": "UPDATE"},
        {"ref": {"displayId": "gone", "type": "BRANCH"}, "toHash": ZERO, "type": "DELETE"},
        {"ref": {"displayId": "v1", "type": "TAG"}, "toHash": SHA, "type": "ADD"},
    ]
}
LISTED = {**PUSH, "head_commit": None, "commits": [{"id": "ef" * 20, "message": "older"}, COMMIT]}
Make = Callable[..., dict[str, str]]
SENDERS: list[tuple[Provider, Make, Any, tuple[Push, ...]]] = [
    ("github", github, PUSH, (PUSHED,)),
    ("gitea", gitea, LISTED, (PUSHED,)),
    ("gitea", forgejo, LISTED, (PUSHED,)),
    ("gitlab", gitlab, LISTED, (PUSHED,)),
    ("gitlab", gitlab_signed, LISTED, (PUSHED,)),
    ("bitbucket", bitbucket, BITBUCKET, (Push("gone", None), PUSHED)),
    ("plain", plain, {"ref": "refs/heads/main", "after": SHA}, (Push("main", SHA),)),
]


@pytest.mark.parametrize(("provider", "make", "content", "pushes"), SENDERS)
def test_a_push_is_verified_and_read(provider: Provider, make: Make, content: Any, pushes: tuple[Push, ...]) -> None:
    body = json.dumps(content).encode()
    headers = Headers(make(body))
    sender = sender_of(headers, provider)
    assert sender.signed(headers, body, SECRET)
    delivery = sender.read(headers, body)
    assert (delivery.id, delivery.pushes) == ("d-1", pushes)


@pytest.mark.parametrize(("provider", "make", "content", "pushes"), SENDERS)
def test_a_changed_delivery_and_another_secret_are_refused(
    provider: Provider, make: Make, content: Any, pushes: tuple[Push, ...]
) -> None:
    body = json.dumps(content).encode()
    wrong: list[dict[str, str]] = [make(body, "another secret, which is long"), {}]
    if make is not gitlab:
        wrong.append(make(body + b" "))
    for name in (good := make(body)):
        if "ignature" in name and "Hub" not in name and not (make is forgejo and "Gitea" in name):
            wrong += [{**good, name: ""}, {**good, name: "ü" * 64}, {**good, name: good[name][:-1]}]
    for given in wrong:
        headers = Headers(given)
        assert not sender_of(headers, provider).signed(headers, body, SECRET), given


def test_the_headers_determine_the_sender_whatever_the_repositorys_host() -> None:
    # Forgejo also sends the headers of Gitea and GitHub.
    body = json.dumps(LISTED).encode()
    for make in (gitea, forgejo):
        headers = Headers(make(body))
        sender = sender_of(headers, "github")
        assert sender.signed(headers, body, SECRET)
        assert sender.read(headers, body).pushes == (PUSHED,)


def test_a_signing_key_of_gitlab_is_understood_and_an_old_signature_is_not() -> None:
    body = json.dumps(LISTED).encode()
    key = "whsec_" + base64.b64encode(b"k" * 32).decode()
    for seconds, good in ((0, True), (-250, True), (-400, False), (400, False)):
        headers = Headers(gitlab_signed(body, key, at=seconds))
        assert sender_of(headers, "gitlab").signed(headers, body, key) is good
    damaged = Headers(gitlab_signed(body, key))
    assert not sender_of(damaged, "gitlab").signed(damaged, body, "whsec_===")


def test_bitbucket_data_center_tells_branches_apart_from_tags() -> None:
    body = json.dumps(CENTRE).encode()
    headers = Headers(bitbucket(body, event="repo:refs_changed"))
    assert sender_of(headers, "bitbucket").read(headers, body).pushes == (Push("main", SHA), Push("gone", None))


@pytest.mark.parametrize(
    ("change", "pushes"),
    [
        ({"ref": "refs/tags/v1"}, ()),
        ({"ref": "main"}, ()),
        ({"after": ZERO}, (Push("main", None),)),
        ({"after": "0" * 64}, (Push("main", None),)),
        ({"deleted": True}, (Push("main", None),)),
        ({"head_commit": None}, (Push("main", SHA),)),
        ({"head_commit": {"id": "12" * 20, "message": "another"}}, (Push("main", SHA),)),
    ],
)
def test_tags_and_deletions_deploy_nothing(change: dict[str, Any], pushes: tuple[Push, ...]) -> None:
    body = json.dumps({**PUSH, **change}).encode()
    headers = Headers(github(body))
    assert sender_of(headers, "github").read(headers, body).pushes == pushes


def test_other_events_deploy_nothing() -> None:
    for make, event in (
        (github, "ping"),
        (gitea, "delete"),
        (gitlab, "Tag Push Hook"),
        (bitbucket, "diagnostics:ping"),
    ):
        headers = Headers(make(b"{}", event=event))
        delivery = sender_of(headers, "plain").read(headers, b"{}")
        assert (delivery.event, delivery.pushes) == (event, ())


def test_a_form_as_github_sends_it_by_default_is_read() -> None:
    body = urlencode({"payload": json.dumps(PUSH)}).encode()
    headers = Headers({**github(body), "Content-Type": "application/x-www-form-urlencoded"})
    sender = sender_of(headers, "github")
    assert sender.signed(headers, body, SECRET)
    assert sender.read(headers, body).pushes == (PUSHED,)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b"\xff", b'{"ref": 7}', b'{"ref": "\\ud800", "after": "x"}', b"[" * 100_000]
)
def test_a_malformed_body_is_an_error(body: bytes) -> None:
    for headers in (
        Headers(github(body)),
        Headers({**github(body), "Content-Type": "application/x-www-form-urlencoded"}),
    ):
        with pytest.raises(WebhookBodyError):
            sender_of(headers, "github").read(headers, body)
