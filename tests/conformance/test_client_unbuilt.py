"""The contract's unsupported operations. Each operation has a test, or responds with 501."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.running import Platform
from tests.conformance.client import mixpeek as mx
from tests.conformance.driving import NO_SUCH_APP, OPERATIONS, connect, create, refused

UNBUILT: dict[str, Callable[[mx.AppsApi, str], object]] = {
    "add_domain_apps": lambda api, app: api.add_domain_apps(app, mx.AddDomainRequest(domain="shop.example.org")),
    "list_domains_apps": lambda api, app: api.list_domains_apps(app),
    "delete_domain_apps": lambda api, app: api.delete_domain_apps(app, "shop.example.org"),
    "verify_domain_apps": lambda api, app: api.verify_domain_apps(app, "shop.example.org"),
    "list_app_users": lambda api, app: api.list_app_users(app),
    "invite_app_user": lambda api, app: api.invite_app_user(app, mx.InviteUserRequest(email_address="ada@example.org")),
    "list_app_invitations_id_users": lambda api, app: api.list_app_invitations_id_users(app),
    "revoke_app_invitation_id_users": lambda api, app: api.revoke_app_invitation_id_users(app, "inv_1"),
    "update_app_user_role": lambda api, app: api.update_app_user_role(
        app, "user_1", mx.UpdateRoleRequest(role="org:admin")
    ),
    "remove_app_user": lambda api, app: api.remove_app_user(app, "user_1"),
    "get_app_logs": lambda api, app: api.get_app_logs(app, log_type="requests", hours=168, level="warn", limit=1000),
    "get_app_analytics": lambda api, app: api.get_app_analytics(app, hours=720),
    "get_error_rate_apps": lambda api, app: api.get_error_rate_apps(app, minutes=1440),
}


@pytest.mark.parametrize("method", UNBUILT)
def test_an_operation_that_is_not_built_says_so_in_the_envelope(platform: Platform, method: str) -> None:
    api = connect(platform.api_url, platform.api_key)
    app = create(api)
    refused(501, "not_implemented", lambda: UNBUILT[method](api, app.app_id))
    refused(404, "app_not_found", lambda: UNBUILT[method](api, NO_SUCH_APP))
    none = connect(platform.api_url, None)
    refused(401, "authentication_required", lambda: UNBUILT[method](none, app.app_id))


@pytest.mark.parametrize(
    ("path", "method", "body"),
    [
        ("/domains", "POST", {}),
        ("/users/invite", "POST", {"email_address": ""}),
        ("/users/user_1/role", "PATCH", {}),
        ("/logs?hours=169", "GET", None),
        ("/logs?limit=0", "GET", None),
        ("/analytics?hours=721", "GET", None),
        ("/error-rate?minutes=0", "GET", None),
    ],
)
def test_an_operation_that_is_not_built_still_checks_its_request(
    platform: Platform, path: str, method: str, body: dict[str, object] | None
) -> None:
    app = create(connect(platform.api_url, platform.api_key))
    with platform.client() as http:
        answer = http.request(method, f"/v1/apps/{app.app_id}{path}", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


def test_no_operation_of_the_contract_is_without_a_test_or_a_501() -> None:
    driven = set()
    for file in sorted(Path(__file__).parent.glob("test_client_*.py")):
        if file == Path(__file__):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                driven.add(node.func.attr)
    operations = {operation["client_method"] for operation in OPERATIONS}
    assert len(operations) == 34
    assert operations - set(UNBUILT) <= driven
    assert not set(UNBUILT) - operations
    assert not set(UNBUILT) & driven


def test_every_operation_of_the_contract_is_in_the_document(platform: Platform) -> None:
    with platform.client() as http:
        paths = http.get("/openapi.json").json()["paths"]
    missing = [o for o in OPERATIONS if o["method"].lower() not in paths.get(o["path"], {})]
    assert not missing
    for operation in OPERATIONS:
        answers = paths[operation["path"]][operation["method"].lower()]["responses"]
        assert ("501" in answers) == (operation["client_method"] in UNBUILT), operation
