"""Restore, promote, lock: the result is visible at the edge when the api has responded."""

from __future__ import annotations

import obstore
import pytest

from testbed.running import RunningApp

STORES = ("folder", "moto")


def page(number: int) -> dict[str, str]:
    script = f"assets/app-Ab{number}dEf9x.js"
    return {
        "index.html": f"<!doctype html><title>page {number}</title><script src='/{script}'></script>",
        script: f"console.log({number})",
    }


@pytest.fixture
def three(app: RunningApp) -> RunningApp:
    """Returns an app with three versions in production."""
    for number in (1, 2, 3):
        app.deploy(page(number))
    return app


def restore(app: RunningApp, version: int, **fields: object) -> dict[str, object]:
    answer = app.client.post(f"{app.path}/versions/{version}/restore", json=fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_restore_is_seen_by_the_very_next_visitor(three: RunningApp) -> None:
    for version in (1, 3, 2, 1):
        body = restore(three, version)
        assert (body["version"], body["environment"]) == (version, "production")
        seen = three.visit()
        assert seen.headers["x-easel-version"] == str(version)
        assert f"page {version}<" in seen.text


def test_restoring_twice_changes_nothing_more(three: RunningApp) -> None:
    first = restore(three, 1)
    revision = three.client.get(three.path).json()["environments"]["production"]["revision"]
    assert restore(three, 1) == first
    assert three.client.get(three.path).json()["environments"]["production"]["revision"] == revision


def test_a_missing_version_cannot_be_restored(three: RunningApp) -> None:
    for version in (0, -1, 4, 2**31, 2**70):
        answer = three.client.post(f"{three.path}/versions/{version}/restore", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "version_not_found"), version
    assert three.visit().headers["x-easel-version"] == "3"


def test_promote_makes_production_serve_exactly_what_staging_serves(app: RunningApp) -> None:
    refused = app.client.post(f"{app.path}/promote")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "nothing_to_promote")
    app.deploy(page(1))
    app.deploy(page(2), environment="staging")
    assert app.visit().headers["x-easel-version"] == "1"
    assert app.visit(environment="staging").headers["x-easel-version"] == "2"
    for _ in range(2):
        promoted = app.client.post(f"{app.path}/promote").json()
        assert promoted["version"] == 2
        assert app.visit().headers["x-easel-version"] == "2"
    etags = [app.visit("/assets/app-Ab2dEf9x.js", environment=e).headers["etag"] for e in (None, "staging")]
    assert etags[0] == etags[1]
    assert len(app.client.get(f"{app.path}/versions").json()["versions"]) == 2


def test_no_change_moves_a_locked_environment(three: RunningApp) -> None:
    locked = three.client.post(f"{three.path}/environments/production/lock", json={"reason": "incident 7"}).json()
    assert (locked["locked"], locked["lock_reason"]) == (True, "incident 7")
    three.deploy(page(9), environment="staging")
    for path, body in (("/versions/1/restore", {}), ("/promote", None), ("/publish", {"message": "m"})):
        refused = three.client.post(three.path + path, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "environment_locked"), path
        assert "incident 7" in refused.json()["error"]["message"]
    deployed = three.deploy(page(4))
    assert (deployed["status"], deployed["outcome"], deployed["version"]) == ("complete", "locked", 5)
    assert "incident 7" in " ".join(deployed["warnings"])
    assert three.visit().headers["x-easel-version"] == "3"
    three.client.post(f"{three.path}/environments/production/unlock")
    assert three.visit().headers["x-easel-version"] == "3"
    restore(three, 5)
    assert three.visit().headers["x-easel-version"] == "5"


def test_a_restore_can_lock_so_that_the_next_push_does_not_undo_it(three: RunningApp) -> None:
    assert restore(three, 1, lock=True, lock_reason="v3 is broken")["locked"] is True
    assert three.deploy(page(4))["outcome"] == "locked"
    assert three.visit().headers["x-easel-version"] == "1"


def test_a_restore_can_include_the_configuration_of_the_version(app: RunningApp) -> None:
    app.client.patch(app.path, json={"build_config": {"env_vars": {"COLOUR": "red"}}, "publish": True})
    app.deploy(page(1))
    app.client.patch(app.path, json={"build_config": {"env_vars": {"COLOUR": "blue"}}, "publish": True})
    app.deploy(page(2))
    restore(app, 2)
    assert "blue" in app.visit().text
    restore(app, 2, with_config=True)
    assert '"COLOUR":"red"' in app.visit().text


def test_a_version_keeps_its_own_address_for_ever(three: RunningApp) -> None:
    restore(three, 1)
    for version in (1, 2, 3):
        seen = three.visit(environment=f"v{version}")
        assert (seen.headers["x-easel-version"], seen.headers["x-robots-tag"]) == (str(version), "noindex")
    assert three.visit(environment="v4").status_code == 404


def test_a_damaged_version_is_refused_before_the_pointer_moves(three: RunningApp) -> None:
    objects = three.platform.objects()
    detail = three.client.get(f"{three.path}/versions/1").json()
    bundle = next(iter(detail["asset_manifest"].values()))["s3_key"].split("#")[0]
    whole = bytes(obstore.get(objects, bundle).bytes())
    for damaged in (whole[:-9], whole[:40] + b"X" + whole[41:], None):
        if damaged is None:
            obstore.delete(objects, bundle)
        else:
            obstore.put(objects, bundle, damaged)
        refused = three.client.post(f"{three.path}/versions/1/restore", json={})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_damaged")
        assert three.visit().headers["x-easel-version"] == "3"
    obstore.put(objects, bundle, whole)
    restore(three, 1)
    manifest = f"apps/{three.app_id}/manifests/{detail['asset_prefix'].rsplit('/', 1)[1]}.json"
    obstore.put(objects, manifest, bytes(obstore.get(objects, manifest).bytes()).replace(b"index.html", b"indes.html"))
    restore(three, 3)
    assert three.client.post(f"{three.path}/versions/1/restore", json={}).status_code == 409


@pytest.mark.parametrize("key", ["apps/bad/manifests/none.json", "abcd", "", "../" * 30, "x" * 5000])
def test_a_version_whose_manifest_has_a_name_of_another_form_is_refused_and_listed(app: RunningApp, key: str) -> None:
    app.deploy(page(1))
    with app.platform.database() as connection:
        connection.execute(
            "insert into version (app_id, number, org_id, kind, environment, manifest_key, config, config_hash,"
            " content_hash, file_count, total_bytes, deployed_at) select app_id, 2, org_id, 'deploy', 'staging', %s,"
            " config, config_hash, content_hash, 1, 1, now() from version where app_id = %s",
            (key, app.app_id),
        )
        connection.execute(
            "update environment set version = 2, moved_at = now() where app_id = %s and name = 'staging'",
            (app.app_id,),
        )
    for refused in (
        app.client.post(f"{app.path}/versions/2/restore", json={}),
        app.client.post(f"{app.path}/promote", json={}),
        app.client.get(f"{app.path}/versions/2"),
        app.client.get(f"{app.path}/versions/1/diff/2"),
    ):
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (409, "version_damaged")
        assert "the key of its manifest does not have the form" in error["message"]
    listed = app.client.get(f"{app.path}/versions").json()["versions"]
    assert [(one["version"], bool(one["asset_prefix"])) for one in listed] == [(2, False), (1, True)]
    assert app.client.get(app.path).json()["environments"]["staging"]["asset_prefix"] == ""
    assert app.visit().headers["x-easel-version"] == "1"
