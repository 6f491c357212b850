"""Downloads that the api itself sends: downloads from the folder store."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import httpx
import pytest

from testbed.running import RunningApp, zip_of

STORES = ("folder",)
DATA = zip_of({"index.html": "<!doctype html><title>one</title>"})


def download_url(app: RunningApp, version: int) -> str:
    return str(app.client.get(f"{app.path}/versions/{version}/download").json()["download_url"])


def test_a_download_url_opens_nothing_else(app: RunningApp) -> None:
    app.deploy(DATA)
    url = download_url(app, 1)
    assert httpx.get(url, trust_env=False, timeout=60).content == DATA
    for path in ("/_objects/../api-key", "/_objects/%2e%2e/api-key", "/_objects/" + quote("/etc/passwd", safe="")):
        pieces = urlsplit(url)
        with httpx.Client(trust_env=False, timeout=60, base_url=app.platform.api_url) as client:
            assert client.get(f"{path}?{pieces.query}").status_code in (403, 404)


@pytest.mark.parametrize(
    "asked", ["x", "bytes=5-1", "bytes=-", "bytes=", "bytes=0-1,9-2", "bytes=0-1,3-4", "bytes=99999999-", "bytes=-0"]
)
def test_an_unsatisfiable_range_of_a_download_gets_the_whole_file(app: RunningApp, asked: str) -> None:
    app.deploy(DATA)
    answer = httpx.get(download_url(app, 1), headers={"Range": asked}, trust_env=False, timeout=60)
    assert (answer.status_code, answer.content) == (200, DATA)


def test_an_interrupted_download_can_be_resumed(app: RunningApp) -> None:
    app.deploy(DATA)
    url = download_url(app, 1)
    for asked, part in (("bytes=10-", DATA[10:]), ("bytes=2-4", DATA[2:5]), ("bytes=-5", DATA[-5:])):
        answer = httpx.get(url, headers={"Range": asked}, trust_env=False, timeout=60)
        assert (answer.status_code, answer.content) == (206, part)


def test_a_deleted_app_serves_nothing(app: RunningApp) -> None:
    app.deploy(DATA)
    download = download_url(app, 1)
    app.client.delete(app.path)
    gone = httpx.get(download, trust_env=False, timeout=60)
    assert (gone.status_code, gone.json()["success"]) == (404, False)
