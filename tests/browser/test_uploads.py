"""A page on another origin uploads directly to the bucket, once the bucket's rules allow it."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page

from testbed.running import RunningApp, zip_of

pytestmark = pytest.mark.browser
STORES = ("moto",)
RULES = Path(__file__).parents[2] / "deploy" / "bucket-cors.json"

UPLOAD = """async ({url, text}) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  try {
    const answer = await fetch(url, {method: "PUT", headers: {"Content-Type": "application/zip"}, body: bytes});
    return [answer.status, answer.headers.get("etag")];
  } catch (error) {
    return [0, String(error)];
  }
}"""


def rules(app: RunningApp, origin: str) -> None:
    """Sets the bucket's rules for pages of this origin, as `aws s3api put-bucket-cors` does with the file."""
    given = app.platform.environment
    bucket = given["EASEL_OBJECTS_URL"].removeprefix("s3://").split("/")[0]
    client: Any = boto3.client(
        "s3",
        endpoint_url=given["AWS_ENDPOINT_URL"],
        region_name=given["AWS_REGION"],
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
    )
    text = RULES.read_text().replace("https://console.example.com", origin)
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration=json.loads(text))


def test_a_browser_uploads_to_the_bucket_from_another_origin(tab: Page, app: RunningApp) -> None:
    page = RunningApp.create(app.platform)
    page.deploy({"index.html": "<!doctype html><title>a console</title>"})
    origin = f"http://{page.slug}.localhost:{app.platform.edge_port}"
    issued = app.client.post(f"{app.path}/deploy/upload-url", json={"filename": "site.zip"}).json()
    bundle = b64encode(zip_of({"index.html": "<!doctype html>from a browser"})).decode()
    tab.goto(origin)
    upload = {"url": issued["upload_url"], "text": bundle}

    rules(app, "https://somebody.else.example")
    assert tab.evaluate(UPLOAD, upload) == [0, "TypeError: Failed to fetch"]
    rules(app, origin)
    status, etag = tab.evaluate(UPLOAD, upload)
    assert (status, bool(etag)) == (200, True)
    assert app.wait(app.order(issued["bundle_s3_key"]))["status"] == "complete"
    assert app.visit().text.endswith("from a browser")
