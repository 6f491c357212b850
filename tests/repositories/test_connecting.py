"""An app is connected to a repository: the response, the stored values, and the secrets that nobody sees."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from easel.access.secrets import MASK, SecretUnreadableError, Vault
from easel.access.service import Subject, create_organisation
from easel.apps.schemas import CreateAppRequest, PageMeta
from easel.releases.create import create_app
from easel.repositories.remotes import remote_of
from easel.repositories.schemas import ConnectRepoRequest
from easel.repositories.service import connect as make_connection
from easel.repositories.service import is_readable
from testbed.running import Platform, RunningApp
from tests.world import World

HTTPS, SSH = "https://git.example.org/team/shop.git", "ssh://git@git.example.org:2222/team/shop.git"


def connect(app: RunningApp, **fields: Any) -> dict[str, Any]:
    answer = app.client.post(f"{app.path}/connect-repo", json=fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refused(app: RunningApp, code: str, **fields: Any) -> str:
    answer = app.client.post(f"{app.path}/connect-repo", json={"repo_url": HTTPS, **fields})
    assert (answer.status_code, answer.json()["error"].get("code")) == (400, code), answer.text
    return str(answer.json()["error"]["message"])


def shown(app: RunningApp) -> dict[str, Any]:
    return dict(app.client.get(f"{app.path}/connect-repo").json())


def stored(app: RunningApp) -> str:
    with app.platform.database() as database:
        rows = database.execute("select r::text from repository r where app_id = %s", (app.app_id,)).fetchall()
    return str(rows)


def test_secrets_are_stored_encrypted_and_never_shown(app: RunningApp) -> None:
    made = connect(app, repo_url="https://ada@git.example.org/team/shop.git", token="glpat-secret")
    assert (made["repo_url"], made["username"], made["credential"]) == (HTTPS, "ada", "token")
    secret = made["webhook_secret"]
    again = shown(app)
    of_now = {"check": None, "warnings": None}
    assert again == {**made, "webhook_secret": MASK, **of_now}
    everything = stored(app) + str(again) + app.client.get(app.path).text
    assert "glpat-secret" not in everything
    assert secret not in everything


def test_connecting_again_keeps_secrets_for_the_same_address_alone(app: RunningApp) -> None:
    secret = connect(app, repo_url=HTTPS, token="one")["webhook_secret"]
    again = connect(app, repo_url=HTTPS, branch="next", root="./web/")
    assert (again["webhook_secret"], again["credential"], again["branch"], again["root"]) == (
        MASK,
        "token",
        "next",
        "web",
    )
    rotated = connect(app, repo_url=HTTPS, new_webhook_secret=True)
    assert rotated["webhook_secret"] not in (MASK, secret)
    assert (rotated["branch"], rotated["root"]) == ("main", "web")
    brought = connect(app, repo_url=HTTPS, webhook_secret="sixteen characters"[:16].replace(" ", "-"))
    assert brought["webhook_secret"] == "sixteen-characte"
    # The token of one host is never sent to another host.
    other = connect(app, repo_url="https://elsewhere.example.org/team/shop.git")
    assert other["credential"] is None
    assert other["webhook_secret"] not in (MASK, secret, rotated["webhook_secret"])
    assert connect(app, repo_url=HTTPS)["credential"] is None


def test_easel_makes_a_deploy_key_for_an_ssh_address(app: RunningApp) -> None:
    made = connect(app, repo_url=SSH)
    kind, _, comment = made["deploy_key"].split(" ")
    assert (kind, comment, made["credential"]) == ("ssh-ed25519", f"easel-{app.slug}", "deploy_key")
    assert connect(app, repo_url=SSH)["deploy_key"] == made["deploy_key"]
    assert connect(app, repo_url=SSH, new_deploy_key=True)["deploy_key"] != made["deploy_key"]
    assert "PRIVATE" not in stored(app)


def test_a_user_can_supply_a_deploy_key(app: RunningApp) -> None:
    ours = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    made = connect(app, repo_url=SSH, deploy_key=ours.replace("\n", "\r\n"))
    assert made["deploy_key"].startswith("ssh-ed25519 ")
    rsa = generate_private_key(65537, 2048)
    pem = rsa.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    assert connect(app, repo_url=SSH, deploy_key=pem)["deploy_key"].startswith("ssh-rsa ")
    locked = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
    for wrong, why in (
        (locked, "passphrase"),
        ("ssh-ed25519 AAAA", "not a private key"),
        (ours[:200], "damaged"),
        (ours + "x" * 20_000, ""),
    ):
        answer = app.client.post(f"{app.path}/connect-repo", json={"repo_url": SSH, "deploy_key": wrong})
        assert answer.status_code in (400, 422), answer.text
        assert why in answer.text
        # The message does not quote the key.
        assert wrong[60:120] not in answer.text or wrong.startswith("ssh-")


def test_only_the_host_keys_of_the_repositorys_host_are_trusted(app: RunningApp) -> None:
    assert connect(app, repo_url="git@github.com:team/shop.git")["host_keys"] == [
        "ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    ]
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf"
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO"
    hosts = f"# a comment\n[git.example.org]:2222,10.0.0.1 {key} of theirs\nelsewhere.example.org {other}\n"
    assert connect(app, repo_url=SSH, known_hosts=hosts)["host_keys"] == [
        "ssh-ed25519 SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8"
    ]
    assert len(connect(app, repo_url=SSH, known_hosts=f"{key}\n{other}")["host_keys"]) == 2
    for wrong in (
        "",
        f"git.example.org {key}",
        f"elsewhere.example.org {key}",
        "ssh-ed25519 AAAA",
        "ssh-rsa " + key[12:],
    ):
        if wrong:
            refused(app, "known_hosts_invalid", repo_url=SSH, known_hosts=wrong)


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("repo_url_invalid", {"repo_url": "/srv/git/shop.git"}),
        ("repo_url_scheme_not_allowed", {"repo_url": "file:///etc"}),
        ("repo_url_scheme_not_allowed", {"repo_url": "ext::sh -c x".replace(" ", "%")}),
        ("repo_url_scheme_not_allowed", {"repo_url": "http://git.example.org/shop"}),
        ("repo_url_has_secret", {"repo_url": "https://ada:secret@git.example.org/shop"}),
        ("repo_host_private", {"repo_url": "https://127.0.0.1/shop"}),
        ("repo_host_private", {"repo_url": "https://localhost/shop"}),
        ("repo_host_private", {"repo_url": "ssh://git@[::1]/shop"}),
        ("repo_host_private", {"repo_url": "https://169.254.169.254/latest"}),
        ("branch_invalid", {"branch": "--upload-pack=x"}),
        ("root_invalid", {"root": "../up"}),
        ("root_invalid", {"root": "a/../../b"}),
        ("credential_mismatch", {"deploy_key": "x"}),
        ("credential_mismatch", {"repo_url": SSH, "token": "x"}),
        ("credential_mismatch", {"token": "a\nb"}),
        ("credential_mismatch", {"username": "a:b"}),
        ("webhook_secret_invalid", {"webhook_secret": "short"}),
        ("github_app_not_configured", {"github_installation_id": 7}),
    ],
)
def test_an_unusable_repository_is_refused_with_its_own_code(
    app: RunningApp, code: str, fields: dict[str, Any]
) -> None:
    message = refused(app, code, **fields)
    assert "{" not in message
    assert "secret@" not in message
    assert app.client.get(f"{app.path}/connect-repo").status_code == 404


def test_disconnecting_and_deleting_forget_the_secrets(app: RunningApp) -> None:
    connect(app, repo_url=HTTPS, token="secret")
    assert app.client.delete(f"{app.path}/connect-repo").json()["repo_url"] == HTTPS
    assert stored(app) == "[]"
    connect(app, repo_url=HTTPS, token="secret")
    assert app.client.delete(app.path).status_code == 200
    assert stored(app) == "[]"


def test_another_organisation_neither_sees_nor_changes_a_connection(app: RunningApp, platform: Platform) -> None:
    connect(app, repo_url=HTTPS)
    other = platform.client(platform.organisation("other"))
    path = f"{app.path}/connect-repo"
    answers = [other.get(path), other.delete(path), other.post(path, json={"repo_url": HTTPS})]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert {answer.json()["error"]["code"] for answer in answers} == {"app_not_found"}
    assert shown(app)["repo_url"] == HTTPS


def test_a_key_with_the_scope_deploy_connects_no_repository(app: RunningApp, platform: Platform) -> None:
    key = app.client.post("/v1/keys", json={"name": "ci", "scope": "deploy"}).json()["key"]
    client = platform.client(key)
    answer = client.post(f"{app.path}/connect-repo", json={"repo_url": HTTPS})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_scope")
    connect(app, repo_url=HTTPS)
    assert client.get(f"{app.path}/connect-repo").status_code == 200


def test_connecting_again_after_a_replaced_secret_key_makes_new_secrets(world: World) -> None:
    new = Vault("another key")

    async def work() -> None:
        async with world.database.transaction() as work:
            organisation = await create_organisation(work, "x")
            caller = Subject("key_1", organisation.id, "x", "admin", None)
            request = CreateAppRequest(slug="key-replaced", meta=PageMeta(title="x"))
            app = await create_app(work, world.vault, caller, request, max_apps=None, namespace=None, reserved_for=0)
            wanted = ConnectRepoRequest(repo_url=SSH)
            before = await make_connection(work, world.vault, world.settings, app, wanted, "x")
            key = before.repository.deploy_key
            assert is_readable(world.vault, before.repository)
            assert not is_readable(new, before.repository)
            with pytest.raises(SecretUnreadableError):
                remote_of(new, before.repository)
            after = await make_connection(work, new, world.settings, app, wanted, "x")
            assert after.webhook_secret not in (None, before.webhook_secret)
            assert after.repository.deploy_key != key
            assert remote_of(new, after.repository).deploy_key

    world.do(work())
