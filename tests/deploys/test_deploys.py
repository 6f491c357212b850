"""Deploys are requested, followed and cancelled. Also the failures of deploys."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from easel.storage.channels import DEPLOYS_CHANNEL
from testbed.running import RunningApp, zip_of
from tests.sites import SITES, site_zip

STORES = ("folder", "moto")

PAGE = {"index.html": "<!doctype html><title>one</title>"}


def order(app: RunningApp, **body: Any) -> httpx.Response:
    return app.client.post(f"{app.path}/deploy", json={"message": "m", **body})


def test_a_zip_becomes_version_1_and_is_live(app: RunningApp) -> None:
    status = app.deploy(PAGE, message="First")
    assert (status["status"], status["version"], status["outcome"]) == ("complete", 1, "moved")
    assert status["counts"] == {"files": 1, "bytes": len(PAGE["index.html"]), "new_bytes": len(PAGE["index.html"])}
    assert status["smoke_test"]["passed"] is True
    assert {"pin", "inspect", "ingest", "record", "smoke_test", "activate", "total"} <= status["timings"].keys()
    assert (status["queued_by"], status["message"]) == (status["queued_by"], "First")
    page = app.visit()
    assert (page.status_code, page.headers["x-easel-version"]) == (200, "1")
    assert app.client.get(app.path).json()["environments"]["production"]["deploy_id"] == status["deploy_id"]


def test_a_large_bundle_with_one_changed_file_serves_the_change_and_all_other_files(app: RunningApp) -> None:
    """Unchanged members are not read again, although their offsets in the new bundle differ."""
    files = {**PAGE, "a.txt": secrets.token_hex(1_100_000), "b.bin": secrets.token_hex(1_100_000), "z.js": "1"}
    app.deploy(files)
    status = app.deploy({**files, "a.txt": "changed"})
    assert (status["status"], status["counts"]["new_bytes"]) == ("complete", len("changed"))
    assert [app.visit(f"/{path}").text for path in ("a.txt", "b.bin", "z.js")] == ["changed", files["b.bin"], "1"]


@pytest.mark.parametrize("name", SITES)
def test_real_builds_deploy_as_they_are(app: RunningApp, name: str) -> None:
    status = app.deploy(site_zip(name))
    assert (status["status"], status["error"]) == ("complete", None)
    page = app.visit(Accept="text/html")
    assert page.status_code == 200
    assert "window.__EASEL__" in page.text
    manifest = app.client.get(f"{app.path}/versions/1").json()["asset_manifest"]
    for path, entry in manifest.items():
        answer = app.visit("/" + httpx.URL("http://x/").copy_with(path=f"/{path}").raw_path.decode()[1:])
        assert answer.status_code == 200, path
        if not path.endswith(".html"):
            assert len(answer.content) == entry["size"], path


def test_a_bundle_with_another_entry_page_is_deployed_and_many_pages_are_no_app(app: RunningApp) -> None:
    page = "<!doctype html><title>t</title><script src=plot.js></script>"
    assert app.deploy({"plot.html": page, "plot.js": "1"})["error"] is None
    for path in ("/", "/plot.html", "/plot", "/any/route"):
        answer = app.visit(path, Accept="text/html")
        assert (answer.status_code, "window.__EASEL__" in answer.text) == (200, True), path
    assert app.deploy({"index.html": page, "plot.js": "1", "about.html": page})["error"] is None
    missing = app.visit("/any/route", Accept="text/html")
    assert (missing.status_code, "no page at this address" in missing.text) == (404, True)
    assert (
        app.deploy({"index.html": page.replace("plot.js", "/plot.js"), "plot.js": "1", "a.html": page})["error"] is None
    )
    assert app.visit("/any/route", Accept="text/html").status_code == 200


def test_a_deploy_reports_how_many_of_its_bytes_are_new(app: RunningApp) -> None:
    app.deploy({**PAGE, "same.txt": "x" * 100})
    counts = app.deploy({"index.html": "<!doctype html>22", "same.txt": "x" * 100})["counts"]
    assert counts == {"files": 2, "bytes": 117, "new_bytes": 17}


def test_uploaded_parts_without_an_effect_are_reported(app: RunningApp) -> None:
    access = {"auth_config": {"mode": "public", "jwt_issuer": "https://id.example"}, "publish": True}
    assert app.client.patch(app.path, json=access).status_code == 200
    sources = {"api/hello.ts": "export default async () => ({})", "src/app.ts": ""}
    status = app.deploy({**PAGE, "_redirects": "/old /new abc", "api/posts.json": "[]"}, source_files=sources)
    assert status["status"] == "complete"
    told = "\n".join(status["warnings"])
    log = app.client.get(f"{app.path}/deploys/{status['deploy_id']}/logs/stream").text
    refused = "`_redirects`, line 1 is refused: `abc` is not a valid status."
    for part in ("`api/hello.ts` in `source_files` has no effect", "`jwt_issuer`", refused):
        assert part in told
        assert part in log
    assert app.visit("/api/posts.json").text == "[]"


def test_an_order_that_cannot_be_carried_out_is_refused_at_once(app: RunningApp) -> None:
    key = app.upload(zip_of(PAGE))
    issued = app.client.post(f"{app.path}/deploy/upload-url", json={"filename": "x.zip"}).json()["bundle_s3_key"]
    other = RunningApp.create(app.platform).upload(zip_of(PAGE))
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"bundle_s3_key": issued}, 400, "bundle_not_uploaded"),
        ({"bundle_s3_key": "app-builds/x/y/z.zip"}, 404, "bundle_not_found"),
        ({"bundle_s3_key": other}, 404, "bundle_not_found"),
        ({}, 422, "validation_error"),
        ({"bundle_s3_key": key, "message": "  \n"}, 422, "validation_error"),
        ({"bundle_s3_key": key, "message": "x" * 4001}, 422, "validation_error"),
        ({"bundle_s3_key": key, "environment": "preview"}, 422, "validation_error"),
        ({"source": "git"}, 400, "repository_not_connected"),
        ({"bundle_s3_key": key, "source_files": {"../x": "y"}}, 400, "source_file_path_invalid"),
        ({"bundle_s3_key": key, "source_files": {"a" * 3_000_000: "y"}}, 400, "source_file_path_invalid"),
        ({"bundle_s3_key": key, "source_files": {f"{n}": "" for n in range(2001)}}, 400, "source_files_too_many"),
        ({"bundle_s3_key": key, "source_files": {"a": "x" * 11_000_000}}, 400, "source_files_too_large"),
    ]
    for body, status, code in cases:
        answer = order(app, **body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text[:300]
    named = order(app).json()
    assert "bundle_s3_key" in json.dumps(named["detail"])
    assert named["error"]["details"]["validation_errors"] == named["detail"]
    assert app.client.get(f"{app.path}/deploys").json()["total"] == 0


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"not a zip at all", "not_a_zip"),
        (zip_of(PAGE)[:-10], "zip_truncated"),
        (zip_of({"readme.txt": "x", "deep/er/index.html": "y"}), "entry_point_missing"),
        (zip_of({**PAGE, ".env": "KEY=1"}), "secret_in_bundle"),
        (zip_of({**PAGE, "../evil": "x"}), "path_traversal"),
        (zip_of({"index.html": "<script type=module src=/gone.js></script>"}), "smoke_test_failed"),
    ],
)
def test_a_bad_bundle_fails_its_deploy_and_the_live_version_stays(app: RunningApp, data: bytes, code: str) -> None:
    app.deploy(PAGE)
    failed = app.deploy(data)
    assert (failed["status"], failed["error_code"]) == ("failed", code)
    assert failed["error"]
    assert failed["step"]
    assert app.visit().headers["x-easel-version"] == "1"
    following = app.deploy({"index.html": "<!doctype html>after"})
    # A failed deploy has used a number only if its version was recorded before its smoke test failed.
    assert following["version"] == (3 if code == "smoke_test_failed" else 2)


def test_mistakes_that_an_app_allows_are_accepted(app: RunningApp) -> None:
    app.client.patch(app.path, json={"build_config": {"allow": ["secrets"]}, "publish": True})
    assert app.deploy({**PAGE, ".env": "PUBLIC=1"})["status"] == "complete"


def stream(app: RunningApp, deploy_id: str, **headers: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [{}]
    with app.client.stream("GET", f"{app.path}/deploys/{deploy_id}/logs/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if not line:
                events.append({})
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                events[-1][name] = value
    return [event for event in events if event]


def test_the_log_is_streamed_whole_and_resumes_without_gap_or_repeat(app: RunningApp) -> None:
    deploy_id = app.order(app.upload(zip_of(PAGE)))
    events = stream(app, deploy_id)
    assert events[-1] == {"event": "done", "data": "{}"}
    lines = [json.loads(event["data"]) for event in events[:-1]]
    assert [event["id"] for event in events[:-1]] == [str(n) for n in range(1, len(lines) + 1)]
    assert all(set(line) == {"ts", "line"} and isinstance(line["ts"], float) for line in lines)
    assert lines[-1]["line"].startswith("Deploy complete!")
    resumed = stream(app, deploy_id, **{"Last-Event-ID": "2"})
    assert resumed == events[2:]


def test_the_log_of_a_failed_deploy_says_why(app: RunningApp) -> None:
    status = app.deploy(b"nothing like a zip")
    last = json.loads(stream(app, status["deploy_id"])[-2]["data"])["line"]
    assert last == f"Deploy failed: {status['error']}"


def test_a_cancelled_deploy_ends_at_once_and_the_live_version_stays(app: RunningApp) -> None:
    app.deploy(PAGE)
    key = app.upload(zip_of({"index.html": "<!doctype html>two"}))
    ids = [app.order(key) for _ in range(12)]
    cancelled = app.client.post(f"{app.path}/deploys/{ids[-1]}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    assert (cancelled.json()["status"], cancelled.json()["error_code"]) == ("failed", "deploy_cancelled")
    ended = [app.wait(deploy_id) for deploy_id in ids]
    assert [status["status"] for status in ended] == ["complete"] * 11 + ["failed"]
    assert app.visit().headers["x-easel-version"] == "12"
    again = app.client.post(f"{app.path}/deploys/{ids[-1]}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (400, "deploy_finished")


def test_an_earlier_deploy_does_not_undo_a_later_restore(app: RunningApp) -> None:
    app.deploy(PAGE)
    key = app.upload(zip_of({"index.html": "<!doctype html>two"}))
    ids = [app.order(key) for _ in range(10)]
    assert app.client.post(f"{app.path}/versions/1/restore", json={}).status_code == 200
    last = [app.wait(deploy_id) for deploy_id in ids][-1]
    if last["outcome"] == "overtaken":
        assert app.visit().headers["x-easel-version"] == "1"
        assert "a later request than this deploy" in " ".join(last["warnings"])
    assert last["status"] == "complete"


def test_git_facts_and_source_files_are_kept_with_the_version(app: RunningApp) -> None:
    facts = {"git_commit_sha": "abc123", "git_commit_message": "Fix", "git_author": "A <a@example.com>"}
    app.deploy(PAGE, source_files={"src/main.js": "let a = 1\n"}, **facts)
    version = app.client.get(f"{app.path}/versions/1").json()
    assert {name: version[name] for name in facts} == facts
    assert version["source_files"] == {"src/main.js": "let a = 1\n"}


def test_an_incomplete_character_in_a_source_file_is_refused(app: RunningApp) -> None:
    for name, text in (("\\ud800", "a"), ("a.js", "\\ud800")):
        body = f'{{"message": "m", "bundle_s3_key": "k", "source_files": {{"{name}": "{text}"}}}}'.encode()
        answer = app.client.post(f"{app.path}/deploy", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["success"]) == (422, False)


def test_a_revoked_key_receives_no_further_log_lines(app: RunningApp) -> None:
    made = app.client.post("/v1/keys", json={"name": "reader", "scope": "read"}).json()
    with app.platform.database() as connection:
        # This deploy stays queued.
        deploy_id = app.deploy(PAGE)["deploy_id"]
        connection.execute("update deploy set status = 'queued' where id = %s", (deploy_id,))
        with (
            app.platform.client(made["key"]) as reader,
            reader.stream("GET", f"{app.path}/deploys/{deploy_id}/logs/stream") as stream,
        ):
            lines = stream.iter_lines()
            assert next(lines)
            assert app.client.delete(f"/v1/keys/{made['key_id']}").status_code == 200
            connection.execute(
                "insert into deploy_log (deploy_id, seq, ts, line) values (%s, 999, now(), 'a secret')", (deploy_id,)
            )
            connection.execute("select pg_notify(%s, %s)", (DEPLOYS_CHANNEL, deploy_id))
            assert not [line for line in lines if "a secret" in line]
        connection.execute("update deploy set status = 'complete' where id = %s", (deploy_id,))


def test_the_same_idempotency_key_gives_the_first_answer_again(app: RunningApp) -> None:
    key = app.upload(zip_of(PAGE))
    once = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"message": "m", "bundle_s3_key": key}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: app.client.post(f"{app.path}/deploy", json=body, headers=once), range(4)))
    assert len({answer.text for answer in answers}) == 1
    assert app.client.get(f"{app.path}/deploys").json()["total"] == 1
    other = app.client.post(f"{app.path}/deploy", json={**body, "message": "other"}, headers=once)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")


def test_the_optimised_variants_arrive_after_activation(app: RunningApp) -> None:
    script = "".join(f"export const value{n} = {n};\n" for n in range(500))
    app.deploy({"index.html": "<!doctype html>x", "assets/app-B1c2D3e4.js": script})
    for _ in range(500):
        answer = app.visit("/assets/app-B1c2D3e4.js", Accept_Encoding="br, gzip")
        assert answer.status_code == 200
        if answer.headers["content-encoding"] == "br":
            break
        httpx.get(f"{app.platform.api_url}/healthz", trust_env=False, timeout=60)
    assert answer.headers["content-encoding"] == "br"
    assert answer.text == script
