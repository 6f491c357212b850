"""The published client's operations on versions and on environments' pointers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from easel.versions.schemas import VersionDiffResponse
from testbed.running import Platform
from tests.conformance.client import mixpeek as mx
from tests.conformance.driving import NO_SUCH_APP, bundle, connect, create, refused, ship, site


@dataclass
class Shop:
    """An app with two versions. The second version changed a file, renamed a file, and removed a file."""

    api: mx.AppsApi
    app: mx.AppResponse
    bundles: list[bytes]


@pytest.fixture(scope="module")
def shop(platform: Platform) -> Iterator[Shop]:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    first = {**site("one"), "old/logo.svg": "<svg/>", "extra.txt": "extra"}
    second = {**site("two"), "new/logo.svg": "<svg/>"}
    bundles = [bundle(first), bundle(second)]
    for number, data in enumerate(bundles, start=1):
        ship(api, app.app_id, data, f"Version {number}", source_files={"src/app.ts": f"say({number})\n"})
    yield Shop(api, app, bundles)
    api.delete_app(app.app_id)


def test_list_versions_is_newest_first(shop: Shop) -> None:
    found = shop.api.list_versions_apps(shop.app.app_id)
    assert found.total == 2
    assert [(entry["version"], entry["message"]) for entry in found.versions] == [(2, "Version 2"), (1, "Version 1")]
    assert {entry["kind"] for entry in found.versions} == {"deploy"}
    assert all(len(entry["content_hash"]) == 64 for entry in found.versions)


def test_get_version_has_the_manifest_and_says_where_it_is_live(shop: Shop) -> None:
    detail = shop.api.get_version_apps(shop.app.app_id, 2)
    assert detail.asset_manifest is not None
    assert set(detail.asset_manifest) == {"index.html", "app.js", "style.css", "new/logo.svg"}
    entry = detail.asset_manifest["new/logo.svg"]
    assert (entry["size"], len(entry["hash"])) == (6, 64)
    assert entry["s3_key"]
    assert detail.source_files == {"src/app.ts": "say(2)\n"}
    assert detail.is_active == {"production": True, "staging": False}
    refused(404, "version_not_found", lambda: shop.api.get_version_apps(shop.app.app_id, 99))
    refused(404, "version_not_found", lambda: shop.api.get_version_apps(shop.app.app_id, 0))
    refused(404, "version_not_found", lambda: shop.api.get_version_apps(shop.app.app_id, -1))
    refused(404, "version_not_found", lambda: shop.api.get_version_apps(shop.app.app_id, 2**70))


def test_diff_versions_names_every_file_and_its_reverse_is_its_mirror(shop: Shop) -> None:
    diff = shop.api.diff_versions_apps_id_from_to(shop.app.app_id, 1, 2)
    found = {entry.path: entry.status for entry in diff.files or [] if not entry.path.startswith("config/")}
    assert found == {
        "index.html": "modified",
        "app.js": "modified",
        "style.css": "unchanged",
        "new/logo.svg": "added",
        "old/logo.svg": "removed",
        "extra.txt": "removed",
    }
    assert diff.summary is not None
    assert (diff.summary["added"], diff.summary["removed"], diff.summary["modified"]) == (1, 2, 2)
    assert diff.source_diff is not None
    assert "-say(1)" in diff.source_diff["src/app.ts"]
    assert "+say(2)" in diff.source_diff["src/app.ts"]
    back = shop.api.diff_versions_apps_id_from_to(shop.app.app_id, 2, 1)
    mirror = {"added": "removed", "removed": "added"}
    assert {e.path: e.status for e in back.files or [] if e.path in found} == {
        path: mirror.get(status, status) for path, status in found.items()
    }
    same = shop.api.diff_versions_apps_id_from_to(shop.app.app_id, 2, 2)
    assert {entry.status for entry in same.files or []} == {"unchanged"}
    refused(
        404,
        "version_not_found",
        lambda: shop.api.diff_versions_apps_id_from_to(shop.app.app_id, 1, 99),
    )


def test_the_diff_tells_renames_hashes_and_totals(platform: Platform, shop: Shop) -> None:
    with platform.client() as http:
        diff = http.get(f"/v1/apps/{shop.app.app_id}/versions/1/diff/2").json()
    # The response is encoded directly for speed, but the published model still describes it.
    assert (
        set(diff)
        == set(VersionDiffResponse.model_validate(diff).model_fields_set)
        == set(VersionDiffResponse.model_fields)
    )
    assert [(entry["from_path"], entry["to_path"]) for entry in diff["renames"]] == [("old/logo.svg", "new/logo.svg")]
    details = {n: shop.api.get_version_apps(shop.app.app_id, n).asset_manifest or {} for n in (1, 2)}
    totals = {n: sum(entry["size"] for entry in manifest.values()) for n, manifest in details.items()}
    assert (diff["from_total_bytes"], diff["to_total_bytes"]) == (totals[1], totals[2])
    assert diff["from_content_hash"] != diff["to_content_hash"]


def test_download_version_gives_the_zip_byte_for_byte(shop: Shop) -> None:
    for number, data in enumerate(shop.bundles, start=1):
        asked = shop.api.download_version_apps(shop.app.app_id, number)
        assert (asked.version, asked.expires_in) == (number, 3600)
        assert httpx.get(asked.download_url, trust_env=False, timeout=60).content == data
    refused(404, "version_not_found", lambda: shop.api.download_version_apps(shop.app.app_id, 99))


def test_restore_version_points_back_at_once(platform: Platform, shop: Shop) -> None:
    back = shop.api.restore_version_apps(shop.app.app_id, 1, mx.RestoreVersionRequest())
    assert (back.app_id, back.version, back.environment) == (shop.app.app_id, 1, "production")
    assert back.deploy_id
    assert back.asset_prefix
    assert "one" in platform.visit(shop.app.slug).text
    forth = shop.api.restore_version_apps(shop.app.app_id, 2, mx.RestoreVersionRequest(environment="production"))
    assert forth.version == 2
    assert "two" in platform.visit(shop.app.slug).text
    request = mx.RestoreVersionRequest()
    refused(
        404,
        "version_not_found",
        lambda: shop.api.restore_version_apps(shop.app.app_id, 99, request),
    )
    refused(404, "app_not_found", lambda: shop.api.restore_version_apps(NO_SUCH_APP, 1, request))
    # The client's own model would refuse this value, so it is bypassed.
    wrong = mx.RestoreVersionRequest.model_construct(environment="preview")
    refused(
        422,
        "validation_error",
        lambda: shop.api.restore_version_apps(shop.app.app_id, 1, wrong),
    )


def test_promote_app_sets_production_to_the_version_of_staging(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    refused(400, "nothing_to_promote", lambda: api.promote_app(app.app_id))
    ship(api, app.app_id, bundle(site("staged")), environment="staging")
    assert platform.visit(app.slug).status_code == 404
    promoted = api.promote_app(app.app_id)
    assert (promoted.version, promoted.environment) == (1, "production")
    assert "staged" in platform.visit(app.slug).text
    again = api.promote_app(app.app_id)
    assert again.to_dict() == promoted.to_dict()
    environments = api.get_app(app.app_id).environments
    assert environments["production"]["deploy_id"] == environments["staging"]["deploy_id"] == promoted.deploy_id
    assert environments["production"]["asset_prefix"] == promoted.asset_prefix


def test_a_publish_is_a_version_too_and_has_no_zip_before_the_first_deploy(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    api.publish_app(app.app_id, mx.PublishAppRequest(message="Configuration first"))
    found = api.list_versions_apps(app.app_id)
    assert [(entry["version"], entry["kind"]) for entry in found.versions] == [(1, "publish")]
    refused(400, "version_has_no_files", lambda: api.download_version_apps(app.app_id, 1))


def test_a_locked_environment_refuses_a_restore_and_says_why(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    ship(api, app.app_id, bundle(site("one")))
    with platform.client() as http:
        locked = http.post(f"/v1/apps/{app.app_id}/environments/production/lock", json={"reason": "Incident 7"})
        assert locked.status_code == 200, locked.text
    request = mx.RestoreVersionRequest()
    error = refused(409, "environment_locked", lambda: api.restore_version_apps(app.app_id, 1, request))
    assert "Incident 7" in error.error.message
