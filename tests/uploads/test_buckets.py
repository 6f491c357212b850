"""Uploads to a bucket. The bytes go directly to the store, and are trusted no more than in a folder."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from testbed.running import RunningApp, zip_of

STORES = ("moto", "rclone")
DATA = zip_of({"index.html": "<!doctype html><title>one</title>"})


def issue(app: RunningApp) -> tuple[str, str]:
    body = app.client.post(f"{app.path}/deploy/upload-url", json={"filename": "my site.zip"}).json()
    return body["upload_url"], body["bundle_s3_key"]


def put(url: str, data: bytes = DATA) -> httpx.Response:
    return httpx.put(url, content=data, headers={"Content-Type": "application/zip"}, trust_env=False, timeout=60)


def test_the_bytes_go_to_the_store_itself(app: RunningApp) -> None:
    url, key = issue(app)
    assert urlsplit(url).port != app.platform.api_port
    answer = put(url)
    assert answer.status_code == 200
    found = app.client.post(f"{app.path}/deploy/verify-upload", json={"bundle_s3_key": key}).json()
    assert (found["exists"], found["etag"], found["size_bytes"]) == (True, answer.headers["etag"], len(DATA))
    assert app.wait(app.order(key))["version"] == 1
    assert "<title>one</title>" in app.visit().text


def test_an_upload_after_the_deploy_changes_no_version(app: RunningApp) -> None:
    url, key = issue(app)
    put(url)
    assert app.wait(app.order(key))["status"] == "complete"
    put(url, zip_of({"index.html": "<!doctype html><title>something else, and longer</title>"}))
    assert "<title>one</title>" in app.visit().text
    download = app.client.get(f"{app.path}/versions/1/download").json()["download_url"]
    assert httpx.get(download, trust_env=False, timeout=60).content == DATA
    assert app.client.post(f"{app.path}/versions/1/restore", json={}).status_code == 200


def test_a_key_without_an_upload_cannot_be_deployed(app: RunningApp) -> None:
    _, key = issue(app)
    answer = app.client.post(f"{app.path}/deploy", json={"message": "x", "bundle_s3_key": key})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bundle_not_uploaded")
