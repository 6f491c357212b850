"""The API as functions: they take arguments, return the contract's responses, and raise errors. They print no text."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urljoin, urlsplit

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from easel import __version__
from easel.cli import answers
from easel.cli.answers import AnyAnswer
from easel.cli.credentials import ServerAccess
from easel.cli.errors import (
    ApiError,
    NotAnEaselServerError,
    ProxyAsksError,
    RequestTooLargeForProxyError,
    SentElsewhereError,
    ServerMovedError,
    ServerUnavailableError,
    ServerUnreachableError,
)
from easel.cli.http import GATEWAY, NOT_CONNECTED, PROXY_LOGIN, is_untrusted, open_pool, reason, retry_after

TIMEOUT: Final = urllib3.Timeout(connect=10.0, read=30.0)
# A comment line comes every 15 s, so a stream without data for much longer is dead.
_STREAM_SILENCE: Final = 40.0
_CHUNK: Final = 64 * 1024
_PAUSES: Final = (0.3, 1.0, 2.0, 4.0)
"""Backoff in seconds before each retry, for an api that is restarting behind a balancer."""


class Client:
    """A connection to one Easel server, with one API key."""

    def __init__(self, access: ServerAccess) -> None:
        self.server = access.server
        self._pool = open_pool(access.server)
        self._attempts = 0
        self._headers = {
            **urllib3.make_headers(accept_encoding=True, user_agent=f"easel-cli/{__version__}"),
            "Authorization": f"Bearer {access.key}",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    # Apps

    def list_apps(self, *, limit: int = 100, offset: int = 0, slug: str | None = None) -> answers.Apps:
        """Returns the organisation's apps. Every method of this class raises ApiError and the errors of the
        connection."""
        params = {"limit": limit, "offset": offset} | ({"slug": slug} if slug else {})
        return self._get("/v1/apps", answers.Apps, params)

    def find_app(self, name: str) -> answers.App | None:
        """Returns the app with this id (`app_…`) or slug, or None for an unknown slug."""
        if name.startswith("app_"):
            return self.get_app(name)
        return next((app for app in self.list_apps(slug=name).results if app.slug == name), None)

    def get_app(self, app_id: str) -> answers.App:
        """Returns one app with all its fields."""
        return self._get(_app(app_id), answers.App)

    def create_app(self, slug: str, title: str, description: str | None = None) -> answers.App:
        """Creates an app, and returns it."""
        meta = {"title": title} | ({"description": description} if description is not None else {})
        return self._post("/v1/apps", answers.App, {"slug": slug, "meta": meta})

    def update_app(self, app_id: str, changes: Mapping[str, Any]) -> answers.App:
        """Changes the given fields of the draft configuration, as a JSON merge patch (RFC 7396)."""
        return self._read(self._send("PATCH", _app(app_id), retry=False, body=changes), answers.App)

    def delete_app(self, app_id: str) -> answers.Deleted:
        """Deletes an app permanently."""
        return self._delete(_app(app_id))

    def publish(self, app_id: str, message: str) -> answers.App:
        """Makes the app's draft configuration live."""
        return self._post(_app(app_id, "publish"), answers.App, {"message": message})

    def rollback(self, app_id: str) -> answers.App:
        """Makes the app's previously published configuration live again."""
        return self._post(_app(app_id, "rollback"), answers.App)

    def clear_build_cache(self, app_id: str) -> answers.Deleted:
        """Makes the app's next builds start without cached files."""
        return self._delete(_app(app_id, "build-cache"))

    # Repositories

    def connect_repository(self, app_id: str, request: Mapping[str, Any]) -> answers.Repository:
        """Makes the app follow a branch of a repository."""
        return self._post(_app(app_id, "connect-repo"), answers.Repository, request)

    def repository(self, app_id: str) -> answers.Repository:
        """Returns the repository that the app follows, without its secrets."""
        return self._get(_app(app_id, "connect-repo"), answers.Repository)

    def disconnect_repository(self, app_id: str) -> answers.Deleted:
        """Ends the app's connection to its repository."""
        return self._delete(_app(app_id, "connect-repo"))

    # Uploads and deploys

    def upload_url(self, app_id: str, filename: str) -> answers.UploadAddress:
        """Requests an address to PUT a zip to."""
        return self._post(_app(app_id, "deploy", "upload-url"), answers.UploadAddress, {"filename": filename})

    def deploy(self, app_id: str, request: Mapping[str, Any], *, idempotency_key: str) -> answers.Accepted:
        """Requests a deploy. If the same `idempotency_key` is sent again, the server returns its first response, so a
        repeated request causes no second deploy."""
        path = _app(app_id, "deploy")
        return self._post(path, answers.Accepted, request, headers={"Idempotency-Key": idempotency_key})

    def deploy_status(self, app_id: str, deploy_id: str) -> answers.Deploy:
        """Returns the state of a deploy."""
        return self._get(_app(app_id, "deploys", deploy_id), answers.Deploy)

    def list_deploys(self, app_id: str, *, limit: int, offset: int = 0) -> answers.Deploys:
        """Returns the app's deploys, newest first."""
        return self._get(_app(app_id, "deploys"), answers.Deploys, {"limit": limit, "offset": offset})

    def cancel_deploy(self, app_id: str, deploy_id: str) -> answers.Deploy:
        """Cancels a deploy that has not ended yet."""
        return self._post(_app(app_id, "deploys", deploy_id, "cancel"), answers.Deploy)

    @contextmanager
    def log_stream(
        self, app_id: str, deploy_id: str, last_id: str | None, silence: float | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Yields the bytes of the deploy's log after the event `last_id`. Ends after `silence` seconds without data. If
        `silence` is None, ends when no data arrives for longer than the interval of the server's heartbeats. Raises
        urllib3's HTTPError when the connection breaks."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        response = self._pool.request(
            "GET",
            self.server + _app(app_id, "deploys", deploy_id, "logs", "stream"),
            headers=self._headers | headers,
            timeout=urllib3.Timeout(connect=10.0, read=_STREAM_SILENCE if silence is None else silence),
            preload_content=False,
        )
        try:
            if response.status != 200:
                raise self._error(response)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise NotAnEaselServerError(server=self.server, status=response.status)
            yield iter(lambda: response.read1(_CHUNK, decode_content=True), b"")
        finally:
            # The connection is closed without waiting for unread bytes.
            response.close()

    # Versions and environments

    def list_versions(self, app_id: str) -> answers.Versions:
        """Returns the app's versions, newest first."""
        return self._get(_app(app_id, "versions"), answers.Versions)

    def diff(self, app_id: str, from_version: int, to_version: int) -> answers.Diff:
        """Returns the differences between two versions."""
        path = _app(app_id, "versions", str(from_version), "diff", str(to_version))
        return self._get(path, answers.Diff)

    def download_url(self, app_id: str, version: int) -> answers.DownloadAddress:
        """Requests an address to GET a version's zip from."""
        return self._get(_app(app_id, "versions", str(version), "download"), answers.DownloadAddress)

    def restore(self, app_id: str, version: int, request: Mapping[str, Any]) -> answers.Restored:
        """Points an environment at a version."""
        return self._post(_app(app_id, "versions", str(version), "restore"), answers.Restored, request)

    def promote(self, app_id: str) -> answers.Promoted:
        """Points production at the version that staging serves."""
        return self._post(_app(app_id, "promote"), answers.Promoted)

    def lock(self, app_id: str, environment: str, reason: str) -> answers.Environment:
        """Locks an environment, so that it goes on serving its current version. Other users see the reason."""
        path = _app(app_id, "environments", environment, "lock")
        return self._post(path, answers.Environment, {"reason": reason})

    def unlock(self, app_id: str, environment: str) -> answers.Environment:
        """Unlocks an environment."""
        return self._post(_app(app_id, "environments", environment, "unlock"), answers.Environment)

    # Keys

    def list_keys(self) -> answers.Keys:
        """Returns the organisation's keys, without their secrets."""
        return self._get("/v1/keys", answers.Keys)

    def create_key(self, request: Mapping[str, Any]) -> answers.CreatedKey:
        """Creates a key, and returns it with its secret, which no later response contains."""
        return self._post("/v1/keys", answers.CreatedKey, request)

    def revoke_key(self, key_id: str) -> answers.Deleted:
        """Revokes a key at once."""
        return self._delete(f"/v1/keys/{quote(key_id, safe='')}")

    def list_limits(self) -> answers.Limits:
        """Returns the organisation's limits, and how much of each limit is used."""
        return self._get("/v1/limits", answers.Limits)

    # Requests

    def _get(self, path: str, kind: type[AnyAnswer], params: Mapping[str, Any] | None = None) -> AnyAnswer:
        return self._read(self._send("GET", path, retry=True, params=params), kind)

    def _post(
        self,
        path: str,
        kind: type[AnyAnswer],
        body: Mapping[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> AnyAnswer:
        """Sends a POST request, and returns the response as an instance of `kind`. Values of `body` that are None are
        left out. An Idempotency-Key makes the request safe to repeat."""
        headers = {"Idempotency-Key": os.urandom(16).hex()} | (headers or {})
        given = None if body is None else {name: value for name, value in body.items() if value is not None}
        return self._read(self._send("POST", path, retry=True, body=given, headers=headers), kind)

    def _delete(self, path: str) -> answers.Deleted:
        response = self._send("DELETE", path, retry=True)
        if response.status == 404 and self._attempts > 1:
            # An earlier attempt deleted the resource, but its response was lost.
            return answers.Deleted()
        return self._read(response, answers.Deleted)

    def _send(
        self,
        method: str,
        path: str,
        *,
        retry: bool,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Sends one request, and returns the response. If `retry` is true, repeats the request after errors of the
        connection or of a gateway. Repeats any request after a 429 or 503, after the time in `Retry-After`."""
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        said = {**self._headers, **(headers or {})} | ({"Content-Type": "application/json"} if body is not None else {})
        url = self.server + path + (f"?{urlencode(params)}" if params else "")
        for self._attempts, pause in enumerate((*_PAUSES, None), start=1):
            try:
                response = self._pool.request(method, url, body=content, headers=said, timeout=TIMEOUT)
            except HTTPError as error:
                # If no server accepts connections at the address, another attempt a second later rarely helps.
                if pause is None or not retry or isinstance(error, NOT_CONNECTED) or is_untrusted(error):
                    raise ServerUnreachableError(server=self.server, reason=reason(error)) from error
                time.sleep(pause)
                continue
            # The server responds with 429, or with 503 and `Retry-After`, before it does any work. After these
            # responses, every request may be repeated (RFC 9110 §10.2.3). After an error of a gateway, or without a
            # response, only requests that are safe to repeat are repeated.
            passing = retry and response.status in GATEWAY
            wait = retry_after(response) if passing or response.status in (429, 503) else None
            if passing and "retry-after" not in response.headers:
                wait = pause
            if response.status < 300 or pause is None or wait is None:
                return response
            time.sleep(wait)
        raise AssertionError("the last round returns or raises")

    def _read(self, response: urllib3.BaseHTTPResponse, kind: type[AnyAnswer]) -> AnyAnswer:
        if not 200 <= response.status < 300:
            raise self._error(response)
        try:
            return kind.read(response.data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotAnEaselServerError(server=self.server, status=response.status) from error

    def _error(self, response: urllib3.BaseHTTPResponse) -> ApiError | NotAnEaselServerError:
        try:
            return ApiError(response.status, answers.Refusal.read(response.data).error)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return answer_between(self.server, response)


def answer_between(server: str, response: urllib3.BaseHTTPResponse) -> NotAnEaselServerError:
    """Returns the error for a response that comes from a proxy or balancer instead of Easel."""
    status = response.status
    location = response.headers.get("location", "")
    if 300 <= status < 400 and location:
        asked = urlsplit(response.geturl() or "")
        sent = urlsplit(urljoin(server, location))
        # A redirect to the same path leads to the server's new address. Any other redirect leads to a page for people.
        if asked.path and sent.path.rstrip("/").endswith(asked.path.rstrip("/")):
            path = sent.path.rstrip("/").removesuffix(asked.path.rstrip("/")) + urlsplit(server).path
            return ServerMovedError(server=server, status=status, location=f"{sent.scheme}://{sent.netloc}{path}")
        place = f"{sent.scheme}://{sent.netloc}{sent.path}"
        return SentElsewhereError(server=server, status=status, location=place)
    if status == 400 and server.startswith("http://") and b"HTTPS port" in response.data:
        return ServerMovedError(server=server, status=status, location=server.replace("http://", "https://", 1))
    if status == 413:
        return RequestTooLargeForProxyError(server=server, status=status)
    if status == 407:
        return ProxyAsksError(server=server, status=status, login=PROXY_LOGIN)
    if status in GATEWAY:
        return ServerUnavailableError(server=server, status=status)
    return NotAnEaselServerError(server=server, status=status)


def _app(app_id: str, *parts: str) -> str:
    return "/".join(("/v1/apps", *(quote(part, safe="") for part in (app_id, *parts))))
