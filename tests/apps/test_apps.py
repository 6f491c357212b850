"""Apps as a front-end team creates, changes, publishes and deletes them."""

from __future__ import annotations

import pytest

from testbed.running import Platform, RunningApp

PAGE = {"index.html": "<!doctype html><title>one</title>"}


def test_a_new_app_has_its_addresses_and_nothing_deployed(app: RunningApp) -> None:
    body = app.client.get(app.path).json()
    assert body["url"] == f"http://{app.slug}.localhost:{app.platform.edge_port}/"
    assert body["staging_url"] == f"http://staging-{app.slug}.localhost:{app.platform.edge_port}/"
    assert (body["version"], body["environments"], body["has_unpublished_changes"]) == (0, {}, False)
    page = app.visit()
    assert page.status_code == 404
    assert "Nothing deployed yet" in page.text


def test_a_taken_slug_is_refused_and_free_again_after_the_delete(app: RunningApp) -> None:
    taken = app.client.post("/v1/apps", json={"slug": app.slug, "meta": {"title": "x"}})
    assert (taken.status_code, taken.json()["error"]["code"]) == (400, "slug_taken")
    app.deploy(PAGE)
    assert app.client.delete(app.path).json() == {"message": "Successfully deleted", "success": True}
    assert app.visit().status_code == 404
    assert app.client.get(app.path).status_code == 404
    again = RunningApp.create(app.platform, app.slug)
    assert again.visit().status_code == 404
    assert again.app_id != app.app_id


def test_the_error_for_a_short_slug_counts_characters(app: RunningApp) -> None:
    refused = app.client.post("/v1/apps", json={"slug": "hi", "meta": {"title": "x"}})
    assert refused.status_code == 422
    assert "at least 3 characters" in refused.json()["error"]["message"]


def test_a_dry_run_checks_a_slug_and_writes_nothing(app: RunningApp) -> None:
    other = RunningApp.create(app.platform)
    refused = app.client.patch(app.path, params={"dry_run": True}, json={"slug": other.slug})
    assert refused.json()["error"]["code"] == "slug_taken"
    fine = app.client.patch(app.path, params={"dry_run": True}, json={"slug": f"{app.slug}2", "meta": {"title": "new"}})
    assert fine.status_code == 200
    assert app.client.get(app.path).json()["slug"] == app.slug
    assert app.client.get(app.path).json()["meta"]["title"] == app.slug


def test_a_renamed_app_moves_to_its_new_address_at_once(app: RunningApp) -> None:
    app.deploy(PAGE)
    renamed = f"{app.slug}-new"
    assert app.visit().status_code == 200
    assert app.client.patch(app.path, json={"slug": renamed}).status_code == 200
    assert app.visit().status_code == 404
    assert app.platform.visit(renamed).status_code == 200


def test_an_app_is_unreachable_while_it_is_inactive(app: RunningApp) -> None:
    app.deploy(PAGE)
    answer = app.client.patch(app.path, json={"is_active": False}).json()
    assert "offline" in " ".join(answer["warnings"])
    assert [app.visit().status_code, app.visit(environment="v1").status_code] == [404, 404]
    app.client.patch(app.path, json={"is_active": True})
    assert app.visit().status_code == 200


def test_a_patch_is_a_draft_until_it_is_published(app: RunningApp) -> None:
    app.deploy(PAGE)
    patched = app.client.patch(app.path, json={"build_config": {"env_vars": {"COLOUR": "red"}}}).json()
    assert patched["has_unpublished_changes"] is True
    assert "COLOUR" not in app.visit().text
    published = app.client.post(f"{app.path}/publish", json={"message": "Colours"}).json()
    assert (published["has_unpublished_changes"], published["version"]) == (False, 2)
    page = app.visit()
    assert '"COLOUR":"red"' in page.text
    assert page.headers["x-easel-version"] == "2"


def test_null_removes_and_objects_merge(app: RunningApp) -> None:
    app.client.patch(app.path, json={"build_config": {"env_vars": {"A": "1", "B": "2"}}, "meta": {"description": "d"}})
    patch = {"build_config": {"env_vars": {"A": None}}, "meta": {"description": None, "indexable": True}}
    body = app.client.patch(app.path, json=patch).json()
    assert body["build_config"]["env_vars"] == {"B": "2"}
    assert (body["meta"]["title"], body["meta"]["description"], body["meta"]["indexable"]) == (app.slug, None, True)


def test_a_patch_that_would_leave_no_title_is_refused(app: RunningApp) -> None:
    answer = app.client.patch(app.path, json={"meta": {"title": None}})
    assert answer.status_code == 422
    assert app.client.get(app.path).json()["meta"]["title"] == app.slug


def test_unknown_fields_are_ignored_and_named(app: RunningApp) -> None:
    body = app.client.patch(app.path, json={"colour": "red", "meta": {"title": "x"}}).json()
    assert "colour" in " ".join(body["warnings"])


def test_rollback_goes_back_one_published_configuration_at_a_time(app: RunningApp) -> None:
    app.deploy(PAGE)
    for title in ("first", "second", "third"):
        app.client.patch(app.path, json={"meta": {"title": title}, "publish": True})
    assert app.client.post(f"{app.path}/rollback").json()["meta"]["title"] == "second"
    assert app.client.post(f"{app.path}/rollback").json()["meta"]["title"] == "first"
    assert app.client.post(f"{app.path}/rollback").json()["meta"]["title"] == app.slug
    last = app.client.post(f"{app.path}/rollback")
    assert (last.status_code, last.json()["error"]["code"]) == (400, "nothing_to_roll_back")


def test_a_rollback_keeps_changes_that_were_not_published(app: RunningApp) -> None:
    for title in ("first", "second"):
        app.client.patch(app.path, json={"meta": {"title": title}, "publish": True})
    app.client.patch(app.path, json={"meta": {"description": "half done"}})
    body = app.client.post(f"{app.path}/rollback").json()
    assert body["meta"]["description"] == "half done"
    assert body["has_unpublished_changes"] is True
    assert body["warnings"]


def test_publishing_the_same_configuration_again_gives_the_same_hash(app: RunningApp) -> None:
    for title in ("first", "second", "first"):
        app.client.patch(app.path, json={"meta": {"title": title}, "publish": True})
    third, second, first = app.client.get(f"{app.path}/versions").json()["versions"]
    assert first["content_hash"] == third["content_hash"] != second["content_hash"]
    changes = app.client.get(f"{app.path}/versions/1/diff/2").json()
    assert [f["path"] for f in changes["files"] if f["status"] == "modified"] == ["config/meta.json"]


def test_secrets_are_masked_everywhere(app: RunningApp) -> None:
    secret = "very-hidden-value"
    patch = {"build_config": {"secrets": {"TOKEN": secret}}, "auth_config": {"mode": "public", "password": secret}}
    answers = [app.client.patch(app.path, json={**patch, "publish": True})]
    app.deploy(PAGE)
    paths = ("", "/versions", "/versions/1", "/versions/1/diff/2", "/deploys")
    answers += [app.client.get(app.path + path) for path in paths]
    answers.append(app.visit())
    assert all(secret not in answer.text for answer in answers)
    assert answers[0].json()["build_config"]["secrets"] == {"TOKEN": "***"}


def test_slugs_that_are_cut_to_the_same_address_are_the_same_slug(platform: Platform) -> None:
    """Both have the staging address `staging-customer-portal-for-the-northern-region-of-acme-62d88d`."""
    slugs = [
        "customer-portal-for-the-northern-region-of-acme-corp-example",
        "customer-portal-for-the-northern-region-of-acme-qwsnyykyc2kj",
    ]
    first = RunningApp.create(platform, slugs[0])
    other = RunningApp.create(platform)
    for dry_run in ("", "?dry_run=true"):
        answers = [
            first.client.post(f"/v1/apps{dry_run}", json={"slug": slugs[1], "meta": {"title": "x"}}),
            first.client.patch(f"{other.path}{dry_run}", json={"slug": slugs[1]}),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "slug_taken")
    similar = "customer-portal-for-the-northern-region-of-acme-inc-example"
    RunningApp.create(platform, similar).client.delete(first.path)
    RunningApp.create(platform, slugs[1])


@pytest.mark.parametrize("body", [b'{"slug":"\\ud800"}', b'{"meta":{"title":"\\udfff"}}', b'{"slug":"a\\u0000"}'])
def test_an_incomplete_character_is_refused(app: RunningApp, body: bytes) -> None:
    for query in ("", "?dry_run=true"):
        answer = app.client.patch(app.path + query, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code // 100, answer.json()["success"]) == (4, False)


@pytest.mark.parametrize("mode", ["password", "jwt"])
def test_an_unsupported_protection_is_refused(app: RunningApp, mode: str) -> None:
    config = {"auth_config": {"mode": mode, "password": "hunter2"}}
    answers = [
        app.client.post("/v1/apps", json={"slug": f"{app.slug}-2", "meta": {"title": "x"}, **config}),
        app.client.patch(app.path, json=config),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "access_mode_not_built"), answer.text
    assert app.client.get(app.path).json()["password_protected"] is False


def test_apps_are_listed_newest_first_and_found_by_slug_and_search(platform: Platform) -> None:
    older, newer = RunningApp.create(platform), RunningApp.create(platform)
    listed = [a["app_id"] for a in newer.client.get("/v1/apps", params={"limit": 1000}).json()["results"]]
    assert listed.index(newer.app_id) < listed.index(older.app_id)
    found = newer.client.get("/v1/apps", params={"slug": older.slug}).json()
    assert [a["app_id"] for a in found["results"]] == [older.app_id]
    searched = newer.client.get("/v1/apps", params={"search": older.slug[2:9].upper()}).json()
    assert older.app_id in [a["app_id"] for a in searched["results"]]
    paged = newer.client.get("/v1/apps", params={"limit": 1, "offset": 1}).json()
    assert (len(paged["results"]), paged["limit"], paged["offset"]) == (1, 1, 1)
