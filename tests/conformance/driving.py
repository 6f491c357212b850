"""Uses Easel with the published client, unchanged, as its users do."""

from __future__ import annotations

import io
import json
import secrets
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.client import mixpeek as mx

OPERATIONS: list[dict[str, str]] = json.loads(Path(__file__).with_name("operations.json").read_text())
NO_SUCH_APP = "app_0000000000000000"


def connect(api_url: str, key: str | None) -> mx.AppsApi:
    """Returns the published client for this address. Without a key, the client sends no Authorization header."""
    return mx.AppsApi(mx.ApiClient(mx.Configuration(host=api_url, access_token=key)))


def new_slug() -> str:
    """Returns a slug that no other test uses."""
    return f"c-{secrets.token_hex(5)}x"


def create(api: mx.AppsApi, **fields: Any) -> mx.AppResponse:
    """Returns a new app with its own slug."""
    given = {"slug": new_slug(), "meta": mx.PageMeta(title="Shop"), **fields}
    return api.create_app(mx.CreateAppRequest(**given))


def bundle(files: dict[str, str]) -> bytes:
    """Returns a zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def site(word: str) -> dict[str, str]:
    """Returns a small site that shows a word."""
    return {
        "index.html": f"<!doctype html><title>{word}</title><script src=/app.js></script>",
        "app.js": f"document.title = '{word}'",
        "style.css": "body { margin: 0 }",
    }


def upload(api: mx.AppsApi, app_id: str, data: bytes) -> str:
    """Uploads the bytes, and returns the key to deploy them with."""
    asked = api.get_upload_url_apps_id_deploy(app_id, mx.UploadUrlRequest(filename="dist.zip"))
    answer = httpx.put(
        asked.upload_url, content=data, headers={"Content-Type": "application/zip"}, trust_env=False, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return str(asked.bundle_s3_key)


def deploy(api: mx.AppsApi, app_id: str, data: bytes, message: str = "Ship it", **fields: Any) -> mx.DeployResponse:
    """Uploads and deploys a zip. The deploy may still be running."""
    key = upload(api, app_id, data)
    return api.deploy_app(app_id, mx.DeployRequest(message=message, bundle_s3_key=key, **fields))


def wait(api: mx.AppsApi, app_id: str, deploy_id: str) -> mx.DeployStatusResponse:
    """Waits until the deploy has ended, and returns its status."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        status = api.get_deploy_status_apps(app_id, deploy_id)
        if status.status in ("complete", "failed"):
            return status
        time.sleep(0.02)
    pytest.fail(f"deploy {deploy_id} did not end")


def ship(api: mx.AppsApi, app_id: str, data: bytes, message: str = "Ship it", **fields: Any) -> mx.DeployStatusResponse:
    """Uploads, deploys and waits. The deploy must complete."""
    status = wait(api, app_id, deploy(api, app_id, data, message, **fields).deploy_id)
    assert status.status == "complete", status.error
    return status


def refused(status: int, code: str | None, call: Callable[[], object]) -> mx.ErrorResponse:
    """Calls the function, and returns the error in the response. The client itself parses the error. Checks its status
    and code."""
    raised = {
        400: mx.exceptions.BadRequestException,
        401: mx.exceptions.UnauthorizedException,
        403: mx.exceptions.ForbiddenException,
        404: mx.exceptions.NotFoundException,
        409: mx.exceptions.ConflictException,
        422: mx.exceptions.UnprocessableEntityException,
        501: mx.exceptions.ServiceException,
    }
    with pytest.raises(raised[status]) as caught:
        call()
    # The client parses the statuses in the contract. For 409 and 501, it only has an exception class.
    error = mx.ErrorResponse.from_json(caught.value.body or "") if status in (409, 501) else caught.value.data
    assert isinstance(error, mx.ErrorResponse), caught.value.body
    assert error.success is False
    assert caught.value.status == error.status == status, error
    assert error.error.message
    assert error.error.type
    assert error.error.code == code, error
    assert (caught.value.headers or {})["X-Request-Id"]
    return error
