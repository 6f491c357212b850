"""Keys: their permissions, and the facts that they keep secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from easel.access.secrets import load_secret
from testbed.running import Platform, RunningApp, zip_of


def make_key(platform: Platform, **fields: str) -> tuple[str, str]:
    with platform.client() as client:
        body = client.post("/v1/keys", json={"name": "test", **fields}).json()
        return body["key_id"], body["key"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "authentication_required"),
        ("", "authentication_required"),
        ("Basic abc", "authentication_required"),
        ("Bearer", "authentication_required"),
        ("Bearer abc", "authentication_required"),
        ("Bearer sk_" + "x" * 43, "invalid_api_key"),
    ],
)
def test_requests_without_a_good_key_are_refused(platform: Platform, header: str | None, code: str) -> None:
    headers = {"Authorization": header} if header is not None else {}
    answer = httpx.get(f"{platform.api_url}/v1/apps", headers=headers, trust_env=False, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_each_scope_may_do_what_it_says(app: RunningApp) -> None:
    data = zip_of({"index.html": "<!doctype html>"})
    app.deploy(data)
    calls: dict[str, Callable[[httpx.Client], httpx.Response]] = {
        "read": lambda c: c.get(app.path),
        "deploy": lambda c: c.post(f"{app.path}/versions/1/restore", json={}),
        "admin": lambda c: c.patch(app.path, json={"meta": {"title": "x"}}),
    }
    for rank, scope in enumerate(calls):
        _, key = make_key(app.platform, scope=scope)
        with app.platform.client(key) as client:
            for needed_rank, (needed, call) in enumerate(calls.items()):
                answer = call(client)
                if needed_rank <= rank:
                    assert answer.status_code == 200, (scope, needed)
                else:
                    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_scope")


def test_a_key_of_one_app_sees_no_other_app_and_nothing_of_the_organisation(app: RunningApp) -> None:
    other = RunningApp.create(app.platform)
    _, key = make_key(app.platform, scope="admin", app_id=app.app_id)
    with app.platform.client(key) as client:
        assert client.get(app.path).status_code == 200
        missing = client.get(other.path)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "app_not_found")
        assert [a["app_id"] for a in client.get("/v1/apps").json()["results"]] == [app.app_id]
        assert client.post("/v1/apps", json={"slug": "whatever-x", "meta": {"title": "x"}}).status_code == 403
        assert client.get("/v1/keys").status_code == 403


def test_a_revoked_key_is_refused_at_once_and_its_secret_is_shown_only_once(platform: Platform) -> None:
    key_id, key = make_key(platform, scope="read")
    with platform.client() as admin, platform.client(key) as client:
        assert client.get("/v1/apps").status_code == 200
        assert key not in admin.get("/v1/keys").text
        assert admin.delete(f"/v1/keys/{key_id}").status_code == 200
        assert client.get("/v1/apps").json()["error"]["code"] == "invalid_api_key"
        assert admin.delete(f"/v1/keys/{key_id}").status_code == 404


def test_a_key_consists_of_letters_and_digits(platform: Platform) -> None:
    """Some clients and shells accept no other characters."""
    for key in (platform.api_key, make_key(platform, scope="read")[1]):
        assert re.fullmatch(r"sk_[A-Za-z0-9]{43,}", key)


def test_the_last_admin_key_cannot_be_revoked(platform: Platform) -> None:
    with platform.client() as admin:
        keys = [k for k in admin.get("/v1/keys").json()["keys"] if k["scope"] == "admin" and not k["app_id"]]
        if len(keys) == 1:
            refused = admin.delete(f"/v1/keys/{keys[0]['key_id']}")
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "last_admin_key")


def test_missing_objects_and_objects_of_others_get_the_same_response(app: RunningApp) -> None:
    import asyncio

    import easel.apps.models  # noqa: F401 (keys refer to apps)
    from easel.access.service import create_key, create_organisation
    from easel.storage.database import Database

    async def stranger() -> str:
        database = Database(app.platform.database_url)
        async with database.transaction() as work:
            organisation = await create_organisation(work, "strangers")
            _, secret = await create_key(work, organisation.id, name="stranger", scope="admin")
        await database.close()
        return secret

    deploy = app.deploy({"index.html": "<!doctype html>"})
    bundle = app.upload(zip_of({"index.html": "<!doctype html>"}))
    theirs = RunningApp.create(app.platform, key=asyncio.run(stranger()))
    for real, unreal in (
        (app.path, "/v1/apps/app_0123456789abcdef"),
        (f"{app.path}/versions/1", "/v1/apps/app_0123456789abcdef/versions/1"),
        (f"{theirs.path}/deploys/{deploy['deploy_id']}", f"{theirs.path}/deploys/dep_0123456789abcdef"),
    ):
        answers = [theirs.client.get(path) for path in (real, unreal)]
        assert [a.status_code for a in answers] == [404, 404]
        shapes = [re.sub(r"(app|dep)_[0-9a-f]{16}", "X", answer.text) for answer in answers]
        assert shapes[0] == shapes[1]
    stolen = theirs.client.post(f"{theirs.path}/deploy", json={"message": "m", "bundle_s3_key": bundle})
    assert (stolen.status_code, stolen.json()["error"]["code"]) == (404, "bundle_not_found")
    assert app.app_id not in theirs.client.get("/v1/apps").text
    taken = theirs.client.post("/v1/apps", json={"slug": app.slug, "meta": {"title": "x"}})
    assert taken.json()["error"]["code"] == "slug_taken"


def test_processes_that_start_at_once_have_one_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            found = set(pool.map(load_secret, [tmp_path / str(number) / "secret-key"] * 8))
            assert len(found) == 1
            assert len(found.pop()) >= 40
    assert not list(tmp_path.glob("*/secret-key.*"))
