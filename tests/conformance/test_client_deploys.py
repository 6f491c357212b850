"""The published client's operations on uploads and deploys."""

from __future__ import annotations

import json

import httpx

from testbed.running import Platform
from tests.conformance.client import mixpeek as mx
from tests.conformance.driving import NO_SUCH_APP, bundle, connect, create, deploy, refused, ship, site, upload, wait


def test_get_upload_url_and_verify_upload_tell_what_arrived(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    asked = api.get_upload_url_apps_id_deploy(app.app_id, mx.UploadUrlRequest(filename="../my dist.zip"))
    assert asked.expires_in == 3600
    prefix, app_id, token, filename = asked.bundle_s3_key.split("/")
    assert (prefix, app_id, filename) == ("app-builds", app.app_id, "my-dist.zip")
    assert len(token) >= 20
    wanted = mx.VerifyUploadRequest(bundle_s3_key=asked.bundle_s3_key)
    before = api.verify_upload_apps_id_deploy(app.app_id, wanted)
    assert (before.exists, before.etag, before.size_bytes, before.last_modified) == (False, None, None, None)
    data = bundle(site("one"))
    put = httpx.put(
        asked.upload_url, content=data, headers={"Content-Type": "application/zip"}, trust_env=False, timeout=60
    )
    after = api.verify_upload_apps_id_deploy(app.app_id, wanted)
    assert (after.exists, after.size_bytes, after.etag) == (True, len(data), put.headers["ETag"])
    assert after.last_modified


def test_an_upload_of_another_app_is_not_found(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app, other = create(api), create(api)
    key = upload(api, other.app_id, bundle(site("other")))
    verify = mx.VerifyUploadRequest(bundle_s3_key=key)
    refused(404, "upload_not_found", lambda: api.verify_upload_apps_id_deploy(app.app_id, verify))
    request = mx.DeployRequest(message="Theirs", bundle_s3_key=key)
    refused(404, "bundle_not_found", lambda: api.deploy_app(app.app_id, request))


def test_deploy_app_is_queued_and_get_deploy_status_follows_it_to_the_end(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    accepted = deploy(
        api,
        app.app_id,
        bundle(site("first")),
        "First\nwith a second line",
        git_commit_sha="0123abc",
        git_commit_message="Begin",
        git_author="Ada <ada@example.org>",
    )
    assert (accepted.app_id, accepted.status, accepted.environment) == (app.app_id, "queued", "production")
    assert accepted.message == "First\nwith a second line"
    status = wait(api, app.app_id, accepted.deploy_id)
    assert (status.status, status.source, status.environment) == ("complete", "cli_upload", "production")
    assert status.smoke_test is not None
    assert status.smoke_test.passed
    assert status.queued_by
    assert platform.visit(app.slug).status_code == 200
    detail = api.get_version_apps(app.app_id, 1)
    assert (detail.git_commit_sha, detail.git_author) == ("0123abc", "Ada <ada@example.org>")


def test_deploy_status_holds_the_additions(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    data = site("first")
    first = ship(api, app.app_id, bundle(data))
    second = ship(api, app.app_id, bundle({**data, "style.css": "body { margin: 1em }"}))
    with platform.client() as http:
        found = http.get(f"/v1/apps/{app.app_id}/deploys").json()
    assert [entry["deploy_id"] for entry in found["deploys"]] == [second.deploy_id, first.deploy_id]
    latest, earlier = found["deploys"]
    assert (earlier["version"], latest["version"], latest["outcome"]) == (1, 2, "moved")
    assert latest["url"] == app.url
    assert latest["timings"]
    size = sum(map(len, data.values()))
    assert (earlier["counts"]["files"], earlier["counts"]["bytes"]) == (3, size)
    assert (latest["counts"]["files"], latest["counts"]["new_bytes"]) == (3, len("body { margin: 1em }"))
    assert latest["started_at"] <= latest["finished_at"]


def test_a_failed_deploy_says_what_happened(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    status = wait(api, app.app_id, deploy(api, app.app_id, b"this is no zip").deploy_id)
    assert status.status == "failed"
    assert status.error
    with platform.client() as http:
        answer = http.get(f"/v1/apps/{app.app_id}/deploys/{status.deploy_id}").json()
    assert answer["error_code"] == "not_a_zip"
    assert api.get_app(app.app_id).version == 0


def test_a_deploy_needs_a_message_and_a_bundle_that_was_uploaded(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    key = api.get_upload_url_apps_id_deploy(app.app_id, mx.UploadUrlRequest(filename="dist.zip")).bundle_s3_key

    def fields(request: mx.DeployRequest) -> list[list[object]]:
        call = lambda: api.deploy_app(app.app_id, request)  # noqa: E731
        error = refused(422, "validation_error", call)
        return [entry["loc"] for entry in (error.error.details or {})["validation_errors"]]

    assert fields(mx.DeployRequest(message=" \n ", bundle_s3_key=key)) == [["body", "message"]]
    assert fields(mx.DeployRequest(message="x" * 4001, bundle_s3_key=key)) == [["body", "message"]]
    assert fields(mx.DeployRequest(message="No bundle")) == [["body", "bundle_s3_key"]]
    with platform.client() as http:
        answer = http.post(f"/v1/apps/{app.app_id}/deploy", json={"bundle_s3_key": key})
    assert [entry["loc"] for entry in answer.json()["detail"]] == [["body", "message"]]
    early = mx.DeployRequest(message="Early", bundle_s3_key=key)
    refused(400, "bundle_not_uploaded", lambda: api.deploy_app(app.app_id, early))
    unknown = mx.DeployRequest(message="Unknown", bundle_s3_key=f"app-builds/{app.app_id}/nothing/dist.zip")
    refused(404, "bundle_not_found", lambda: api.deploy_app(app.app_id, unknown))
    git = mx.DeployRequest(message="From Git", source="git")
    refused(400, "repository_not_connected", lambda: api.deploy_app(app.app_id, git))
    nowhere = mx.DeployRequest(message="Nowhere", bundle_s3_key=key)
    refused(404, "app_not_found", lambda: api.deploy_app(NO_SUCH_APP, nowhere))
    refused(
        404,
        "deploy_not_found",
        lambda: api.get_deploy_status_apps(app.app_id, "dep_0000000000"),
    )


def test_stream_deploy_logs_replays_the_log_and_ends(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    status = ship(api, app.app_id, bundle(site("one")))
    text = api.stream_deploy_logs_apps(app.app_id, status.deploy_id)
    assert isinstance(text, str)
    events = [dict(line.split(": ", 1) for line in block.split("\n") if ": " in line) for block in text.split("\n\n")]
    *lines, done = [event for event in events if "data" in event]
    assert done == {"event": "done", "data": "{}"}
    entries = [json.loads(event["data"]) for event in lines]
    assert all(set(entry) == {"ts", "line"} and isinstance(entry["ts"], float) for entry in entries)
    assert entries[-1]["line"].startswith("Deploy complete!")
    assert [int(event["id"]) for event in lines] == list(range(1, len(lines) + 1))
    refused(
        404,
        "deploy_not_found",
        lambda: api.stream_deploy_logs_apps(app.app_id, "dep_0000000000"),
    )


def test_a_stream_resumes_after_the_last_event_it_gave(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    status = ship(api, app.app_id, bundle(site("one")))
    whole = api.stream_deploy_logs_apps(app.app_id, status.deploy_id)
    rest = api.stream_deploy_logs_apps(app.app_id, status.deploy_id, _headers={"Last-Event-ID": "2"})
    assert isinstance(whole, str)
    assert isinstance(rest, str)
    assert rest.startswith("id: 3\n")
    assert whole.endswith(rest)
