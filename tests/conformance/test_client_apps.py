"""The published client's operations on apps."""

from __future__ import annotations

import httpx
import pytest

from testbed.running import Platform
from tests.conformance.client import mixpeek as mx
from tests.conformance.driving import NO_SUCH_APP, connect, create, new_slug, refused


def test_create_app_answers_the_app_as_get_app_does(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    slug = new_slug()
    made = api.create_app(mx.CreateAppRequest(slug=slug, meta=mx.PageMeta(title="Shop", description="All we sell")))
    assert made.slug == slug
    assert made.app_id.startswith("app_")
    assert made.url == f"http://{slug}.localhost:{platform.edge_port}/"
    assert (made.version, made.is_active, made.has_unpublished_changes) == (0, True, False)
    assert made.meta.title == "Shop"
    assert (made.template, made.sections, made.stats, made.tabs) == ("generic", [], [], [])
    assert made.password_protected is False
    assert api.get_app(made.app_id).to_dict() == made.to_dict()


def test_the_page_builder_fields_are_returned_unchanged(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    display = mx.DisplayConfigInput(
        title="Search",
        inputs=[
            mx.InputRenderingConfigInput(
                field_name="query", field_schema=mx.RetrieverInputSchemaFieldInput(type="text"), label="Search for"
            )
        ],
        exposed_fields=["title"],
    )
    made = create(
        api,
        template="gallery",
        custom_html="<h1>Hello</h1>",
        hero=mx.HeroConfig(headline="Everything"),
        theme=mx.ThemeConfig(primary_color="#123456"),
        stats=[mx.StatItem(label="Items", value="12")],
        tabs=[mx.PageTabInput(tab_id="t1", label="All", display_config=display)],
    )
    found = api.get_app(made.app_id)
    assert (found.template, found.custom_html) == ("gallery", "<h1>Hello</h1>")
    assert found.hero is not None
    assert found.hero.headline == "Everything"
    assert found.theme.primary_color == "#123456"
    assert [(stat.label, stat.value) for stat in found.stats] == [("Items", "12")]
    assert found.tabs[0].display_config.inputs[0].field_schema.type == "text"


def test_list_apps_finds_by_slug_and_part_of_the_title_and_pages(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    word = new_slug()
    first, second = (create(api, meta=mx.PageMeta(title=f"{word.upper()} {n}")) for n in (1, 2))
    assert [app.app_id for app in api.list_apps(slug=first.slug).results] == [first.app_id]
    found = api.list_apps(search=word)
    assert {app.app_id for app in found.results} == {first.app_id, second.app_id}
    assert (found.total_count, found.offset) == (2, 0)
    assert api.list_apps(search=word, template="generic").total_count == 2
    assert api.list_apps(search=word, template="gallery").total_count == 0
    page = api.list_apps(search=word, limit=1, offset=1)
    assert (len(page.results), page.total_count, page.limit, page.offset) == (1, 2, 1, 1)


def test_update_app_changes_the_draft_and_publish_app_makes_it_live(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api, build_config=mx.BuildConfig(env_vars={"A": "1"}, secrets={"TOKEN": "s3cret"}))
    assert app.build_config is not None
    assert app.build_config.secrets == {"TOKEN": "***"}
    changed = api.update_app(app.app_id, mx.UpdateAppRequest(meta=mx.PageMeta(title="Shop", description="New")))
    assert (changed.meta.description, changed.has_unpublished_changes, changed.version) == ("New", True, 0)
    assert changed.build_config is not None
    assert changed.build_config.env_vars == {"A": "1"}
    published = api.publish_app(app.app_id, mx.PublishAppRequest(message="New description"))
    assert (published.version, published.has_unpublished_changes) == (1, False)
    both = api.update_app(app.app_id, mx.UpdateAppRequest(is_active=False, publish=True))
    assert (both.is_active, both.version) == (False, 2)
    assert any("offline" in warning for warning in both.warnings or [])


def test_a_dry_run_checks_a_slug_and_changes_nothing(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app, other = create(api), create(api)
    free = new_slug()
    answer = api.update_app(app.app_id, mx.UpdateAppRequest(slug=free), dry_run=True)
    assert (answer.slug, api.get_app(app.app_id).slug) == (app.slug, app.slug)
    refused(
        400,
        "slug_taken",
        lambda: api.update_app(app.app_id, mx.UpdateAppRequest(slug=other.slug), dry_run=True),
    )
    assert api.update_app(app.app_id, mx.UpdateAppRequest(slug=free)).slug == free


def test_rollback_app_returns_to_the_configuration_published_before(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    refused(400, "nothing_to_roll_back", lambda: api.rollback_app(app.app_id))
    for title in ("One", "Two"):
        api.update_app(app.app_id, mx.UpdateAppRequest(meta=mx.PageMeta(title=title)))
        api.publish_app(app.app_id, mx.PublishAppRequest(message=title))
    assert api.rollback_app(app.app_id).meta.title == "One"


def test_delete_app_releases_the_slug_at_once(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    gone = api.delete_app(app.app_id)
    assert (gone.success, gone.message) == (True, "Successfully deleted")
    refused(404, "app_not_found", lambda: api.get_app(app.app_id))
    refused(404, "app_not_found", lambda: api.delete_app(app.app_id))
    assert api.create_app(mx.CreateAppRequest(slug=app.slug, meta=mx.PageMeta(title="Again"))).app_id != app.app_id


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("Shop", "slug_invalid"),
        ("my--shop", "slug_invalid"),
        ("-shop", "slug_invalid"),
        ("www", "slug_reserved"),
        ("staging-shop", "slug_collides"),
        ("v1-shop", "slug_collides"),
        ("pr-7-shop", "slug_collides"),
    ],
)
def test_the_error_for_a_refused_slug_names_it(platform: Platform, slug: str, code: str) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    # The client's own models would refuse some of these values, so they are bypassed.
    request = mx.CreateAppRequest.model_construct(slug=slug, meta=mx.PageMeta(title="Shop"))
    error = refused(400, code, lambda: api.create_app(request))
    assert (error.error.details or {})["slug"] == slug
    change = mx.UpdateAppRequest.model_construct(slug=slug)
    refused(400, code, lambda: api.update_app(app.app_id, change))


def test_a_request_without_a_key_is_401_and_so_is_an_unknown_key(platform: Platform) -> None:
    none = connect(platform.api_url, None)
    refused(401, "authentication_required", none.list_apps)
    unknown = connect(platform.api_url, "sk_" + "x" * 43)
    refused(401, "invalid_api_key", unknown.list_apps)
    refused(401, "invalid_api_key", lambda: unknown.get_app(NO_SUCH_APP))


def test_a_key_without_the_scope_gets_403_and_a_key_of_one_app_sees_no_other_app(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app, other = create(api), create(api)
    with platform.client() as http:
        made = http.post("/v1/keys", json={"name": "reader", "scope": "read", "app_id": app.app_id})
        assert made.status_code == 200, made.text
    reader = connect(platform.api_url, made.json()["key"])
    assert reader.get_app(app.app_id).slug == app.slug
    assert [found.app_id for found in reader.list_apps().results] == [app.app_id]
    refused(404, "app_not_found", lambda: reader.get_app(other.app_id))
    refused(403, "insufficient_scope", lambda: reader.delete_app(app.app_id))
    refused(403, "insufficient_scope", lambda: create(reader))
    publish = mx.PublishAppRequest(message="No")
    refused(403, "insufficient_scope", lambda: reader.publish_app(app.app_id, publish))


def test_a_422_has_both_formats_at_once_and_contains_the_field(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    bad = mx.AuthConfigInput(mode="password", password="nul \x00 inside")
    error = refused(
        422,
        "validation_error",
        lambda: api.update_app(app.app_id, mx.UpdateAppRequest(auth_config=bad)),
    )
    fields = (error.error.details or {})["validation_errors"]
    assert [field["loc"] for field in fields] == [["body", "auth_config", "password"]]
    with platform.client() as http:
        answer = http.post("/v1/apps", json={"slug": "ab"})
    body = answer.json()
    assert answer.status_code == 422
    assert body["detail"] == body["error"]["details"]["validation_errors"]
    assert [entry["loc"] for entry in body["detail"]] == [["body", "slug"], ["body", "meta"]]
    assert all(set(entry) == {"loc", "msg", "type"} for entry in body["detail"])


def test_a_change_to_an_invalid_configuration_is_a_422_in_both_formats(platform: Platform) -> None:
    app = create(connect(platform.api_url, platform.api_key))
    with platform.client() as http:
        answer = http.patch(f"/v1/apps/{app.app_id}", json={"meta": {"title": None}})
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (422, "config_invalid")
    assert body["detail"] == body["error"]["details"]["validation_errors"]
    assert body["detail"][0]["loc"][-2:] == ["meta", "title"]


def test_unknown_keys_are_ignored_and_named(platform: Platform) -> None:
    with platform.client() as http:
        answer = http.post("/v1/apps", json={"slug": new_slug(), "meta": {"title": "Shop"}, "colour": "red"})
    assert answer.status_code == 200
    assert any("colour" in warning for warning in answer.json()["warnings"])


def test_an_idempotency_key_gives_the_first_answer_again(platform: Platform) -> None:
    api = connect(platform.api_url, platform.api_key)
    request = mx.CreateAppRequest(slug=new_slug(), meta=mx.PageMeta(title="Once"))
    headers = {"Idempotency-Key": request.slug}
    first = api.create_app(request, _headers=headers)
    assert api.create_app(request, _headers=headers).app_id == first.app_id
    other = mx.CreateAppRequest(slug=new_slug(), meta=mx.PageMeta(title="Other"))
    refused(409, "idempotency_conflict", lambda: api.create_app(other, _headers=headers))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b"\xff\xfe", 422),
        (b'{"slug": "shop", "meta": {"title": "\\ud800"}}', 422),
        (b'{"slug": "shop", "meta": {"title": "x"}, "sections": [{"type": "a", "props": {"n": NaN}}]}', 422),
        (b'{"slug": "shop", "meta": {"title": "x"}, "sections": [{"type": "a", "props": {"$sealed": 1}}]}', 422),
        (b'{"slug": "shop", "meta": {"title": "x"}, "build_config": {"env_vars": {"$sealed": "1"}}}', 422),
        (b'{"slug": "shop", "meta": {"title": "x"}, "build_config": {"env_vars": {"a\\u0000": "1"}}}', 422),
        (b'{"slug": "shop", "meta": {"title": "x"}, "tabs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422),
        (b'{"slug": "shop", "meta": {"title": "x"}, "tabs": ' + b"[" * 9_000 + b"]" * 9_000 + b"}", 400),
    ],
)
def test_a_body_that_cannot_be_stored_is_refused_in_the_envelope(platform: Platform, body: bytes, status: int) -> None:
    with platform.client() as http:
        answer = http.post("/v1/apps", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.json()["success"] is False
    assert answer.json()["error"]["code"]


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/apps/%00", "/v1/apps/app_%ff", "/v1/apps/a%2Fb", "/v1/apps//x"])
def test_an_unknown_address_of_the_api_gets_a_404_in_the_envelope(platform: Platform, path: str) -> None:
    with httpx.Client(base_url=platform.api_url, trust_env=False, timeout=60) as http:
        answer = http.get(path, headers={"Authorization": f"Bearer {platform.api_key}"})
    assert answer.status_code == 404, answer.text
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/apps/app_1", "DELETE, GET, PATCH"),
        ("OPTIONS", "/v1/apps", "GET, POST"),
        ("GET", "/v1/apps/app_1/promote", "POST"),
        ("PATCH", "/v1/apps/app_1/connect-repo", "DELETE, GET, POST"),
        ("POST", "/healthz", "GET"),
        ("DELETE", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_405_names_every_method_of_the_address(platform: Platform, method: str, path: str, allowed: str) -> None:
    with platform.client() as http:
        answer = http.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed
