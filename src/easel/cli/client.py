"""The API as functions: arguments in, the contract's models out, errors raised. No text for people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from easel import __version__
from easel.access.schemas import CreatedKeyResponse, CreateKeyRequest, ListKeysResponse, ListLimitsResponse
from easel.apps.schemas import (
    AppListItem,
    AppResponse,
    CreateAppRequest,
    GenericDeleteResponse,
    ListAppsResponse,
    PageMeta,
    PublishAppRequest,
    UpdateAppRequest,
)
from easel.cli.credentials import Access, is_loopback
from easel.cli.errors import ApiError, NotAnEaselServerError, ServerUnreachableError
from easel.deploys.schemas import DeployRequest, DeployResponse, DeployStatusResponse, ListDeploysResponse
from easel.environments.schemas import (
    EnvironmentResponse,
    LockRequest,
    PromoteResponse,
    RestoreVersionRequest,
    RestoreVersionResponse,
)
from easel.errors import ErrorResponse
from easel.uploads.schemas import UploadUrlRequest, UploadUrlResponse
from easel.versions.schemas import DownloadUrlResponse, VersionDiffResponse, VersionListResponse

Answer = TypeVar("Answer", bound=BaseModel)

TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
# A comment line comes every 15 s: a stream silent for much longer is dead.
STREAM_TIMEOUT: Final = httpx.Timeout(10.0, read=40.0)
TRANSFER_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0, read=120.0)
_PAUSES: Final = (0.3, 1.0)
_LONGEST_WAIT: Final = 30.0


class Client:
    """A connection to one Easel server with one key."""

    def __init__(self, access: Access) -> None:
        self.server = access.server
        # Proxies from the environment are for other machines.
        trust = not is_loopback(urlsplit(access.server).hostname or "")
        self._http = httpx.Client(
            base_url=access.server,
            timeout=TIMEOUT,
            trust_env=trust,
            headers={"Authorization": f"Bearer {access.key}", "User-Agent": f"easel-cli/{__version__}"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    # Apps

    def list_apps(self, *, limit: int = 100, offset: int = 0, slug: str | None = None) -> ListAppsResponse:
        """The organisation's apps. Raises ApiError and the errors of this side, as every method here does."""
        params = {"limit": limit, "offset": offset} | ({"slug": slug} if slug else {})
        return self._get("/v1/apps", ListAppsResponse, params)

    def find_app(self, name: str) -> AppListItem | AppResponse | None:
        """The app with this id (`app_…`) or slug, or None for a slug that the organisation does not have."""
        if name.startswith("app_"):
            return self.get_app(name)
        return next((app for app in self.list_apps(slug=name).results if app.slug == name), None)

    def get_app(self, app_id: str) -> AppResponse:
        """One app in full."""
        return self._get(_app(app_id), AppResponse)

    def create_app(self, slug: str, title: str, description: str | None = None) -> AppResponse:
        """A new app."""
        body = CreateAppRequest(slug=slug, meta=PageMeta(title=title, description=description))
        return self._post("/v1/apps", AppResponse, body)

    def update_app(self, app_id: str, request: UpdateAppRequest) -> AppResponse:
        """Changes the draft configuration with what is set in the request, as a JSON merge patch (RFC 7396)."""
        body = request.model_dump(mode="json", exclude_unset=True)
        return self._read(self._send("PATCH", _app(app_id), retry=False, json=body), AppResponse)

    def delete_app(self, app_id: str) -> GenericDeleteResponse:
        """Deletes an app for good."""
        return self._delete(_app(app_id))

    def publish(self, app_id: str, message: str) -> AppResponse:
        """Makes the draft configuration live."""
        return self._post(_app(app_id, "publish"), AppResponse, PublishAppRequest(message=message))

    def rollback(self, app_id: str) -> AppResponse:
        """Goes back to the configuration published before."""
        return self._post(_app(app_id, "rollback"), AppResponse)

    # Uploads and deploys

    def upload_url(self, app_id: str, filename: str) -> UploadUrlResponse:
        """Where to PUT a zip."""
        return self._post(_app(app_id, "deploy", "upload-url"), UploadUrlResponse, UploadUrlRequest(filename=filename))

    def deploy(self, app_id: str, request: DeployRequest, *, idempotency_key: str) -> DeployResponse:
        """Asks for a deploy. Asking again with the same key gives the first answer, so it is safe to retry."""
        path = _app(app_id, "deploy")
        return self._post(path, DeployResponse, request, headers={"Idempotency-Key": idempotency_key})

    def deploy_status(self, app_id: str, deploy_id: str) -> DeployStatusResponse:
        """Where a deploy is."""
        return self._get(_app(app_id, "deploys", deploy_id), DeployStatusResponse)

    def list_deploys(self, app_id: str, *, limit: int, offset: int = 0) -> ListDeploysResponse:
        """The app's deploys, newest first."""
        return self._get(_app(app_id, "deploys"), ListDeploysResponse, {"limit": limit, "offset": offset})

    def cancel_deploy(self, app_id: str, deploy_id: str) -> DeployStatusResponse:
        """Ends a deploy that has not ended."""
        return self._post(_app(app_id, "deploys", deploy_id, "cancel"), DeployStatusResponse)

    @contextmanager
    def log_stream(
        self, app_id: str, deploy_id: str, last_id: str | None, silence: float | None = None
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of the deploy's log after the event `last_id`, for as long as no silence is longer than `silence`
        seconds (enough for the server's signs of life when None). Raises httpx.TransportError when it breaks off.
        """
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        path = _app(app_id, "deploys", deploy_id, "logs", "stream")
        timeout = STREAM_TIMEOUT if silence is None else httpx.Timeout(10.0, read=silence)
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if not response.is_success:
                response.read()
                raise self._error(response)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise NotAnEaselServerError(server=self.server, status=response.status_code)
            yield response.iter_bytes()

    # Versions and environments

    def list_versions(self, app_id: str) -> VersionListResponse:
        """The app's versions, newest first."""
        return self._get(_app(app_id, "versions"), VersionListResponse)

    def diff(self, app_id: str, from_version: int, to_version: int) -> VersionDiffResponse:
        """How two versions differ."""
        path = _app(app_id, "versions", str(from_version), "diff", str(to_version))
        return self._get(path, VersionDiffResponse)

    def download_url(self, app_id: str, version: int) -> DownloadUrlResponse:
        """Where to GET a version's zip."""
        return self._get(_app(app_id, "versions", str(version), "download"), DownloadUrlResponse)

    def restore(self, app_id: str, version: int, request: RestoreVersionRequest) -> RestoreVersionResponse:
        """Points an environment at a version."""
        return self._post(_app(app_id, "versions", str(version), "restore"), RestoreVersionResponse, request)

    def promote(self, app_id: str) -> PromoteResponse:
        """Points production at what staging serves."""
        return self._post(_app(app_id, "promote"), PromoteResponse)

    def lock(self, app_id: str, environment: str, reason: str) -> EnvironmentResponse:
        """Keeps an environment where it is."""
        path = _app(app_id, "environments", environment, "lock")
        return self._post(path, EnvironmentResponse, LockRequest(reason=reason))

    def unlock(self, app_id: str, environment: str) -> EnvironmentResponse:
        """Lets an environment move again."""
        return self._post(_app(app_id, "environments", environment, "unlock"), EnvironmentResponse)

    # Keys

    def list_keys(self) -> ListKeysResponse:
        """The organisation's keys, without their secrets."""
        return self._get("/v1/keys", ListKeysResponse)

    def create_key(self, request: CreateKeyRequest) -> CreatedKeyResponse:
        """A new key, with its secret this once."""
        return self._post("/v1/keys", CreatedKeyResponse, request)

    def revoke_key(self, key_id: str) -> GenericDeleteResponse:
        """Revokes a key at once."""
        return self._delete(f"/v1/keys/{quote(key_id, safe='')}")

    def list_limits(self) -> ListLimitsResponse:
        """The organisation's limits, and how much of each is used."""
        return self._get("/v1/limits", ListLimitsResponse)

    # The wire

    def _get(self, path: str, model: type[Answer], params: Mapping[str, Any] | None = None) -> Answer:
        return self._read(self._send("GET", path, retry=True, params=params), model)

    def _post(
        self, path: str, model: type[Answer], body: BaseModel | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        content = body.model_dump(mode="json", exclude_none=True) if body is not None else None
        retry = headers is not None and "Idempotency-Key" in headers
        return self._read(self._send("POST", path, retry=retry, json=content, headers=headers), model)

    def _delete(self, path: str) -> GenericDeleteResponse:
        return self._read(self._send("DELETE", path, retry=False), GenericDeleteResponse)

    def _send(self, method: str, path: str, *, retry: bool, **arguments: Any) -> httpx.Response:
        """One request; tried again after connection trouble and `Retry-After` when that can do no harm."""
        for pause in (*_PAUSES, None):
            try:
                response = self._http.request(method, path, **arguments)
            except httpx.ConnectError as error:
                raise ServerUnreachableError(server=self.server, reason=_reason(error)) from error
            except httpx.TransportError as error:
                if pause is None or not retry:
                    raise ServerUnreachableError(server=self.server, reason=_reason(error)) from error
                time.sleep(pause)
                continue
            # 429 and 503 are said before anything was done, so any request may be repeated (RFC 9110 §10.2.3).
            wait = _retry_after(response) if response.status_code in (429, 503) else None
            if response.is_success or pause is None or wait is None:
                return response
            time.sleep(wait)
        raise AssertionError("the last round returns or raises")

    def _read(self, response: httpx.Response, model: type[Answer]) -> Answer:
        if not response.is_success:
            raise self._error(response)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            raise NotAnEaselServerError(server=self.server, status=response.status_code) from error

    def _error(self, response: httpx.Response) -> ApiError | NotAnEaselServerError:
        try:
            answer = ErrorResponse.model_validate_json(response.content)
        except ValidationError:
            return NotAnEaselServerError(server=self.server, status=response.status_code)
        return ApiError(response.status_code, answer.error)


def _app(app_id: str, *parts: str) -> str:
    return "/".join(("/v1/apps", *(quote(part, safe="") for part in (app_id, *parts))))


def _reason(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it does not answer in time"
    text = str(error)
    return "nothing listens there" if "refused" in text else (text or type(error).__name__)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait as the server says, if it says so and they are few."""
    text = response.headers.get("retry-after", "")
    seconds = float(text) if text.isdigit() else None
    return seconds if seconds is not None and seconds <= _LONGEST_WAIT else None
