"""A GitHub App: who may link an installation, fetching through it, and its webhook. A server stands in for GitHub, and
responds at three addresses as docs.github.com describes them."""

from __future__ import annotations

import ipaddress
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from sqlalchemy import select

from easel import clock
from easel.access.service import create_organisation_with_key
from easel.api.application import make_application, make_services
from easel.errors import EaselError
from easel.outgoing.addresses import Destinations
from easel.repositories.errors import InstallationGoneError
from easel.repositories.fetch.fetching import fetch
from easel.repositories.fetch.models import Branch
from easel.repositories.models import Repository
from easel.repositories.remotes import open_remote
from easel.settings import Settings
from testbed.git_server import GitServer
from testbed.running import free_port
from tests.repositories.conftest import LIMITS, Fetcher
from tests.repositories.test_senders import PUSH, github
from tests.world import World

KEY = generate_private_key(65537, 2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
APP_SECRET = "the GitHub App's own webhook secret"


@dataclass
class GitHub:
    """A server that stands in for GitHub: one person, who can see installation 7."""

    port: int
    token: str = "ghs_token"
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        bearer = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        asked = json.loads(body) if body else {}
        self.asked.append(asked)
        status, answer = self.answer(scope["path"], bearer, asked)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def answer(self, path: str, bearer: str, asked: dict[str, Any]) -> tuple[int, Any]:
        if path == "/login/oauth/access_token":
            good = (asked["client_id"], asked["client_secret"], asked["code"]) == ("Iv1", "client secret", "good")
            return 200, {"access_token": "ghu_person"} if good else {"error": "bad_verification_code"}
        if path == "/api/v3/user/installations":
            return (200, {"installations": [{"id": 7}, {"id": 8}]}) if bearer == "ghu_person" else (401, {})
        claims = jwt.decode(bearer, RSAKey.import_key(PEM), algorithms=["RS256"]).claims
        now = clock.now().timestamp()
        assert claims["iss"] == "12"
        assert claims["iat"] < now < claims["exp"] < now + 600
        return (201, {"token": self.token}) if path == "/api/v3/app/installations/7/access_tokens" else (404, {})


@pytest.fixture(scope="module")
def hub() -> Iterator[GitHub]:
    played = GitHub(free_port())
    server = uvicorn.Server(uvicorn.Config(played, port=played.port, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield played
    server.should_exit = True
    thread.join(60)


@pytest.fixture
def settings(world: World, hub: GitHub) -> Settings:
    return world.settings.model_copy(
        update={
            "github_app_id": "12",
            "github_app_slug": "easel-app",
            "github_app_private_key": SecretStr(PEM.replace("\n", "\\n")),
            "github_app_client_id": "Iv1",
            "github_app_client_secret": SecretStr("client secret"),
            "github_app_webhook_secret": SecretStr(APP_SECRET),
            "github_url": f"http://127.0.0.1:{hub.port}",
            "github_api_url": f"http://127.0.0.1:{hub.port}/api/v3",
            "private_networks": ("127.0.0.0/8",),
        }
    )


class Api:
    """The api's application, with requests of a separate organisation."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        self.services = make_services(settings, world.url, world.objects, world.vault)
        self.application = make_application(self.services)
        self.key = self.organisation()
        self.app = self.created(self.key)

    def organisation(self) -> str:
        async def found() -> str:
            async with self.world.database.transaction() as work:
                return await create_organisation_with_key(work, "x")

        return self.world.do(found())

    def created(self, key: str) -> str:
        slug = f"t-{time.monotonic_ns()}x"
        return str(self.ask("POST", "/v1/apps", key, {"slug": slug, "meta": {"title": "x"}})["app_id"])

    def ask(self, method: str, path: str, key: str | None = None, body: Any = None) -> dict[str, Any]:
        answer = self.send(method, path, {"Authorization": f"Bearer {key or self.key}"}, json=body)
        return dict(answer.json())

    def send(self, method: str, path: str, headers: dict[str, str], **rest: Any) -> httpx.Response:
        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(self.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.request(method, path, headers=headers, **rest)

        return self.world.do(sent())

    def state(self) -> str:
        answer = self.ask("GET", f"/v1/apps/{self.app}/github/install-url")
        place = urlsplit(answer["install_url"])
        assert place.path == "/apps/easel-app/installations/new"
        (state,) = parse_qs(str(place.query))["state"]
        return str(state)

    def land(self, **query: str) -> httpx.Response:
        return self.send("GET", "/webhooks/apps/github/setup", {}, params=query)


@pytest.fixture
def api(world: World, settings: Settings) -> Iterator[Api]:
    made = Api(world, settings)
    yield made
    with suppress(EaselError):
        world.do(made.services.database.close())


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


def test_an_installation_is_linked_by_a_person_who_sees_it(api: Api) -> None:
    state = api.state()
    for wrong in (state[:-1], state.replace(".", "x"), "", "....", "a" * 500, state + "0"):
        assert code_of(api.land(state=wrong, code="good", installation_id="7")) == "github_state_invalid"
    for code, installation in (("bad", "7"), ("", "7"), ("good", "9"), ("good", "x"), ("good", "-7"), ("good", "")):
        answer = api.land(state=state, code=code, installation_id=installation)
        assert code_of(answer) == "github_installation_not_yours"
    assert api.ask("GET", f"/v1/apps/{api.app}")["github_installation_id"] is None
    assert api.land(state=state, code="good", installation_id="7", setup_action="install").status_code == 200
    assert api.ask("GET", f"/v1/apps/{api.app}")["github_installation_id"] == 7


def test_a_state_expires(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    state = api.state()
    later = clock.now() + timedelta(seconds=3601)
    monkeypatch.setattr("easel.repositories.github_app.clock.now", lambda: later)
    assert code_of(api.land(state=state, code="good", installation_id="7")) == "github_state_invalid"


def test_another_organisations_installation_cannot_be_used(api: Api, world: World) -> None:
    request = {"repo_url": "https://github.com/team/shop", "github_installation_id": 7}
    path = f"/v1/apps/{api.app}/connect-repo"
    assert api.ask("POST", path, body=request)["error"]["code"] == "github_installation_not_linked"
    api.land(state=api.state(), code="good", installation_id="7")
    assert api.ask("POST", path, body=request)["credential"] == "github_app"
    other = api.organisation()
    answer = api.ask("POST", f"/v1/apps/{api.created(other)}/connect-repo", other, request)
    assert answer["error"]["code"] == "github_installation_not_linked"
    elsewhere = {**request, "repo_url": "git@github.com:team/shop"}
    assert api.ask("POST", path, body=elsewhere)["error"]["code"] == "credential_mismatch"


def test_a_fetch_through_an_installation_uses_the_installations_token(
    api: Api, world: World, hub: GitHub, server: GitServer, fetched: Fetcher, settings: Settings
) -> None:
    server.repository("private/hub/shop.git").commit({"index.html": "x"})
    server.user, server.password = "x-access-token", hub.token
    api.land(state=api.state(), code="good", installation_id="7")
    request = {"repo_url": f"{server.url}/private/hub/shop.git", "provider": "github"}
    answer = api.ask("POST", f"/v1/apps/{api.app}/connect-repo", body=request)
    assert answer["credential"] == "github_app", answer
    loopback = Destinations((ipaddress.ip_network("127.0.0.0/8"),))

    async def got() -> None:
        async with world.database.transaction() as work:
            repository = await work.session.scalar(select(Repository).where(Repository.app_id == api.app))
            assert repository is not None
        remote = await open_remote(world.vault, settings, repository)
        await fetch(remote, Branch("main"), fetched.tree, destinations=loopback, limits=LIMITS, say=print)
        repository.github_installation_id = 8
        with pytest.raises(InstallationGoneError):
            await open_remote(world.vault, settings, repository)

    world.do(got())
    assert fetched.files() == {"index.html": "x"}
    assert {"repositories": ["shop"], "permissions": {"contents": "read"}} in hub.asked


def test_the_github_apps_webhook_reaches_all_following_apps(api: Api) -> None:
    api.land(state=api.state(), code="good", installation_id="7")
    request = {"repo_url": "https://github.com/Team/Shop.git", "branch": "release"}
    api.ask("POST", f"/v1/apps/{api.app}/connect-repo", body=request)

    def sent(secret: str = APP_SECRET, installation: int = 7, name: str = "team/shop") -> httpx.Response:
        content = {**PUSH, "installation": {"id": installation}, "repository": {"full_name": name}}
        body = json.dumps(content).encode()
        return api.send("POST", "/webhooks/apps/github", github(body, secret), content=body)

    assert sent(secret="another secret").status_code == 401
    heard = {one["app_id"]: one for one in sent().json()["apps"]}
    assert heard[api.app]["status"] == "ignored"
    assert "release" in heard[api.app]["reason"]
    assert api.app not in str(sent(installation=8).json())
    assert api.app not in str(sent(name="team/other").json())
