"""A GitHub App: its install address, the proof that an installation belongs to a person, and tokens for fetching.

The id of an installation proves nothing, because anybody can open GitHub's redirect with any number in it
(docs.github.com, "About the setup URL"). Therefore, Easel asks GitHub whether the person who returns from GitHub can
see that installation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import urlencode

import msgspec

from easel import clock
from easel.access.secrets import Vault
from easel.ids import new_secret
from easel.outgoing.addresses import Destinations
from easel.repositories.errors import (
    GithubAppInvalidError,
    GithubAppMissingError,
    GithubUnavailableError,
    InstallationGoneError,
    InstallationNotYoursError,
    InstallStateError,
)
from easel.repositories.remote_url import RemoteUrl
from easel.settings import Settings

STATE_LIFE: Final = 3600
"""Seconds within which a user must complete the installation of the GitHub App."""
_TOKEN_LIFE: Final = 540
"""Lifetime in seconds of the token that authenticates the App. GitHub accepts at most 600, by its own clock."""
_SLOW_CLOCK: Final = 60
_PAGES: Final = 10
_PAGE: Final = 100
T = TypeVar("T")
_PURPOSE: Final = "github installation: "
if TYPE_CHECKING:
    from easel.outgoing.client import OutgoingClient

_HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class _Token(msgspec.Struct):
    token: str


class _UserToken(msgspec.Struct):
    access_token: str = ""


class _Installation(msgspec.Struct):
    id: int


class _Installations(msgspec.Struct):
    installations: list[_Installation]


@dataclass(frozen=True, slots=True)
class GithubApp:
    """The GitHub App that the operator of this Easel has registered."""

    app_id: str
    slug: str
    private_key: str
    client_id: str
    client_secret: str
    url: str
    api_url: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the GitHub App in the settings. Raises GithubAppMissingError, GithubAppInvalidError."""
        key = settings.github_app_private_key.get_secret_value() if settings.github_app_private_key else None
        if key is None and settings.github_app_private_key_file is not None:
            try:
                key = settings.github_app_private_key_file.read_text()
            except (OSError, UnicodeDecodeError) as error:
                raise GithubAppInvalidError(reason="the file with the App's private key cannot be read") from error
        secret, client = settings.github_app_client_secret, settings.github_app_client_id
        if not (settings.github_app_id and settings.github_app_slug and key and client and secret):
            raise GithubAppMissingError()
        return cls(
            settings.github_app_id,
            settings.github_app_slug,
            # If a variable cannot contain line breaks, they are written as `\n`.
            key.replace("\\n", "\n"),
            client,
            secret.get_secret_value(),
            settings.github_url.rstrip("/"),
            settings.github_api_url.rstrip("/"),
        )

    def install_url(self, state: str) -> str:
        """Returns the address at which a user installs the GitHub App. After the installation, GitHub sends the user
        back with the state."""
        return f"{self.url}/apps/{self.slug}/installations/new?{urlencode({'state': state})}"

    def bearer(self) -> dict[str, str]:
        """Returns the Authorization header that authenticates the GitHub App (RFC 7519, RS256). Raises
        GithubAppInvalidError."""
        # Like the HTTP client below, these libraries take megabytes, but most installations of Easel have no GitHub
        # App.
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import RSAKey

        now = int(clock.now().timestamp())
        claims = {"iat": now - _SLOW_CLOCK, "exp": now + _TOKEN_LIFE, "iss": self.app_id}
        try:
            token = jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(self.private_key))
        except (JoseError, ValueError, TypeError) as error:
            raise GithubAppInvalidError(reason="the App's private key is not an RSA key") from error
        return {**_HEADERS, "Authorization": f"Bearer {token}"}


def new_state(vault: Vault, org_id: str, app_id: str) -> str:
    """Returns a signed text that identifies an app and its organisation while a user is at GitHub. It is valid for an
    hour."""
    plain = f"{org_id}.{app_id}.{int(clock.now().timestamp()) + STATE_LIFE}.{new_secret()[:16]}"
    return f"{plain}.{vault.sign(_PURPOSE + plain)}"


def read_state(vault: Vault, state: str) -> tuple[str, str]:
    """Returns the organisation and the app in a signed text from `new_state`. Raises InstallStateError."""
    plain, _, signature = state.rpartition(".")
    if len(state) > 500 or not vault.signed(_PURPOSE + plain, signature):
        raise InstallStateError()
    org_id, app_id, expires, _ = plain.split(".")
    if int(expires) < clock.now().timestamp():
        raise InstallStateError()
    return org_id, app_id


async def require_theirs(settings: Settings, code: str, installation: int) -> None:
    """Asks GitHub whether the person who received this code can see the installation. Raises InstallationNotYoursError
    otherwise. Raises GithubUnavailableError, GithubAppMissingError, and the errors of OutgoingClient."""
    from easel.outgoing.client import outgoing_client

    app = GithubApp.of(settings)
    async with outgoing_client(Destinations.of(settings)) as client:
        asked = {"client_id": app.client_id, "client_secret": app.client_secret, "code": code}
        answer = await client.request(
            "POST", f"{app.url}/login/oauth/access_token", {"Accept": "application/json"}, json=asked
        )
        token = _read(answer.status, answer.body, _UserToken).access_token
        if not token.isascii() or not token.isprintable() or not token:
            raise InstallationNotYoursError()
        headers = {**_HEADERS, "Authorization": f"Bearer {token}"}
        for page in range(1, _PAGES + 1):
            query = urlencode({"per_page": _PAGE, "page": page})
            answer = await client.request("GET", f"{app.api_url}/user/installations?{query}", headers)
            if answer.status in (401, 403, 404):
                break
            found = _read(answer.status, answer.body, _Installations).installations
            if any(one.id == installation for one in found):
                return
            if len(found) < _PAGE:
                break
    raise InstallationNotYoursError()


async def installation_token(settings: Settings, installation: int, url: RemoteUrl) -> str:
    """Returns a token of the GitHub App's installation. For an hour, the token can read only the repository at `url`.
    Raises InstallationGoneError, GithubUnavailableError, GithubAppMissingError, GithubAppInvalidError, and the errors
    of OutgoingClient."""
    from easel.outgoing.client import outgoing_client

    app = GithubApp.of(settings)
    name = url.path.removesuffix(".git").rpartition("/")[2]
    async with outgoing_client(Destinations.of(settings)) as client:
        answer = await _post(client, app, installation, {"repositories": [name], "permissions": {"contents": "read"}})
    if answer[0] in (401, 403, 404, 422):
        raise InstallationGoneError()
    return _read(*answer, _Token).token


async def _post(client: OutgoingClient, app: GithubApp, installation: int, asked: dict[str, Any]) -> tuple[int, bytes]:
    place = f"{app.api_url}/app/installations/{installation}/access_tokens"
    answer = await client.request("POST", place, app.bearer(), json=asked)
    return answer.status, answer.body


def _read(status: int, body: bytes, kind: type[T]) -> T:
    if not 200 <= status < 300:
        raise GithubUnavailableError(github_status=status)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise GithubUnavailableError(github_status=status) from error
