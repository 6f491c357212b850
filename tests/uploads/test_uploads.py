"""Uploads that the api itself receives: the uploads that a presigned URL accepts, and the uploads that it refuses
without leaving a trace."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from easel.access.secrets import Vault
from easel.api.routes.uploads import store_upload
from easel.storage.errors import StorageFullError
from easel.storage.folder import FolderObjects
from easel.uploads.errors import FilenameInvalidError
from easel.uploads.service import SignedAddress, clean_filename
from testbed.running import Platform, RunningApp, zip_of

STORES = ("folder", "azurite")
"""Stores whose uploads the api itself receives. Other buckets are in `test_buckets.py`."""
DATA = zip_of({"index.html": "<!doctype html><title>one</title>"})
ZIP = {"Content-Type": "application/zip"}


def issue(app: RunningApp, **fields: str) -> tuple[str, str]:
    body = app.client.post(f"{app.path}/deploy/upload-url", json={"filename": "my site.zip", **fields}).json()
    return body["upload_url"], body["bundle_s3_key"]


def put(url: str, data: bytes = DATA, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.put(url, content=data, headers=headers or ZIP, trust_env=False, timeout=60)


def leftovers(platform: Platform) -> set[Path]:
    return set((platform.data_dir / "scratch").glob("*.part"))


def test_an_upload_is_verified_with_the_etag_its_uploader_got(app: RunningApp) -> None:
    url, key = issue(app)
    assert key.startswith(f"app-builds/{app.app_id}/")
    assert key.endswith("/my-site.zip")
    verify = f"{app.path}/deploy/verify-upload"
    before = app.client.post(verify, json={"bundle_s3_key": key}).json()
    assert before == {"bundle_s3_key": key, "exists": False, "etag": None, "size_bytes": None, "last_modified": None}
    answer = put(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == f'"{hashlib.md5(DATA).hexdigest()}"'
    after = app.client.post(verify, json={"bundle_s3_key": key}).json()
    assert (after["exists"], after["etag"], after["size_bytes"]) == (True, answer.headers["etag"], len(DATA))


def test_every_upload_has_a_key_of_its_own_that_nobody_can_guess(app: RunningApp) -> None:
    keys = {issue(app)[1] for _ in range(20)}
    assert len(keys) == 20
    assert all(len(key.split("/")[2]) >= 40 for key in keys)


def test_a_key_of_another_app_is_not_found(app: RunningApp) -> None:
    _, key = issue(RunningApp.create(app.platform))
    answer = app.client.post(f"{app.path}/deploy/verify-upload", json={"bundle_s3_key": key})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "upload_not_found")


@pytest.mark.parametrize("part", ["path", "X-Easel-Expires", "X-Easel-Content-Type", "X-Easel-Signature"])
def test_an_altered_url_is_refused(app: RunningApp, part: str) -> None:
    url, key = issue(app)
    pieces = urlsplit(url)
    query = dict(parse_qsl(pieces.query))
    path = pieces.path
    if part == "path":
        path = path.replace("my-site", "other")
    else:
        query[part] = {"X-Easel-Expires": "9999999999", "X-Easel-Content-Type": "text/html"}.get(part, "0" * 64)
    answer = put(f"{pieces.scheme}://{pieces.netloc}{path}?{urlencode(query)}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "upload_url_invalid")
    assert app.client.post(f"{app.path}/deploy/verify-upload", json={"bundle_s3_key": key}).json()["exists"] is False


def test_an_upload_url_cannot_be_used_to_download(app: RunningApp) -> None:
    url, _ = issue(app)
    put(url)
    assert httpx.get(url, trust_env=False, timeout=60).json()["error"]["code"] == "upload_url_invalid"


@pytest.mark.parametrize("label", ["application/x-zip-compressed", "text/html", "application/zip; x=y", "?", ""])
def test_an_upload_may_have_any_content_type(app: RunningApp, label: str) -> None:
    url, _ = issue(app)
    assert put(url, headers={"Content-Type": label} if label else {}).status_code == 200


def test_an_expired_url_is_refused(app: RunningApp) -> None:
    _, key = issue(app)
    vault = Vault((app.platform.data_dir / "secret-key").read_text().strip())
    signed = SignedAddress("PUT", key, int(time.time()) - 1, "application/zip", "")
    expired = put(signed.url(vault, app.platform.api_url))
    assert (expired.status_code, expired.json()["error"]["code"]) == (403, "upload_url_expired")


def test_an_object_is_refused_as_too_large_before_its_bytes_are_read(app: RunningApp) -> None:
    url, _ = issue(app)
    pieces = urlsplit(url)
    with socket.create_connection(("127.0.0.1", app.platform.api_port)) as connection:
        head = f"PUT {pieces.path}?{pieces.query} HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\n"
        connection.sendall(head.encode() + b"Content-Length: 999999999999\r\n\r\n")
        answer = b""
        while b"bundle_too_large" not in answer and (piece := connection.recv(65536)):
            answer += piece
    assert b" 413 " in answer.split(b"\r\n", 1)[0]
    assert b"bundle_too_large" in answer


def test_an_upload_without_a_length_is_refused(app: RunningApp) -> None:
    url, _ = issue(app)
    answer = httpx.put(url, content=iter([DATA]), headers=ZIP, trust_env=False, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (411, "length_required")


def test_an_interrupted_upload_leaves_no_files(app: RunningApp) -> None:
    url, key = issue(app)
    pieces = urlsplit(url)
    before = leftovers(app.platform)
    with socket.create_connection(("127.0.0.1", app.platform.api_port)) as connection:
        head = f"PUT {pieces.path}?{pieces.query} HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\n"
        connection.sendall(head.encode() + b"Content-Length: 100000\r\n\r\n" + b"x" * 5000)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
    assert app.client.post(f"{app.path}/deploy/verify-upload", json={"bundle_s3_key": key}).json()["exists"] is False
    assert leftovers(app.platform) == before


def test_a_browser_may_upload_from_another_origin(app: RunningApp) -> None:
    url, _ = issue(app)
    asked = httpx.options(
        url, headers={"Origin": "https://studio.example", "Access-Control-Request-Method": "PUT"}, trust_env=False
    )
    assert "PUT" in asked.headers["access-control-allow-methods"]
    answer = put(url, headers={**ZIP, "Origin": "https://studio.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "ETag" in answer.headers["access-control-expose-headers"]


def test_a_browser_reads_why_its_upload_was_refused(app: RunningApp) -> None:
    url, _ = issue(app)
    bad = url.replace("Signature=", "Signature=0")
    refusals = [
        put(bad),
        httpx.put(url, content=iter([b"no length"]), trust_env=False, timeout=60),
        httpx.get(url, trust_env=False, timeout=60),
        httpx.post(url, trust_env=False, timeout=60),
        httpx.put(url.split("?")[0] + "%00", content=b"x", trust_env=False, timeout=60),
    ]
    for answer in refusals:
        assert answer.status_code >= 400
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]


def test_an_upload_after_the_deploy_changes_no_version(app: RunningApp) -> None:
    url, key = issue(app)
    put(url)
    assert app.wait(app.order(key))["version"] == 1
    before = app.client.get(f"{app.path}/versions/1").json()["asset_manifest"]
    put(url, zip_of({"index.html": "<!doctype html><title>something else, and longer</title>"}))
    assert app.client.get(f"{app.path}/versions/1").json()["asset_manifest"] == before
    assert "<title>one</title>" in app.visit().text
    download = app.client.get(f"{app.path}/versions/1/download").json()["download_url"]
    assert httpx.get(download, trust_env=False, timeout=60).content == DATA


def test_a_deleted_app_gets_no_deploy(app: RunningApp) -> None:
    upload, _ = issue(app)
    app.client.delete(app.path)
    refused = put(upload)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "upload_url_invalid")


async def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    """A few bytes are buffered, so only closing the file detects the full disk."""

    class FullDisk(FolderObjects):
        def scratch_file(self) -> tuple[int, Path]:
            return os.open("/dev/full", os.O_WRONLY), tmp_path / "part"

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"some bytes", "more_body": False}

    with pytest.raises(StorageFullError):
        await store_upload(
            FullDisk(tmp_path / "o", tmp_path / "s"), "k", Request({"type": "http", "headers": []}, receive), 10
        )


@given(st.text(max_size=80))
def test_a_file_name_becomes_a_plain_name_or_is_refused(name: str) -> None:
    try:
        cleaned = clean_filename(name)
    except FilenameInvalidError:
        return
    assert cleaned
    assert cleaned.isascii()
    assert not set(cleaned) & set("/\\\0\n\r %?#")
    assert cleaned not in (".", "..")
