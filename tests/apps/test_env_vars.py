"""Public variables have a size limit, because every page and every edge contains them."""

from __future__ import annotations

from typing import Any

import pytest

import easel.versions.models  # noqa: F401 (an app's tables refer to it)
from easel.access.service import Subject, create_organisation
from easel.apps import service
from easel.apps.errors import EnvVarsTooLargeError
from easel.apps.schemas import CreateAppRequest, UpdateAppRequest
from easel.releases.create import create_app
from testbed.running import RunningApp
from tests.world import World

LIMIT = 64 * 1024


def variables(size: int) -> dict[str, str]:
    """Returns that many bytes of variables, as JSON."""
    held = {f"V{number}": "ü" * 8000 for number in range(4)}
    left = size - len(str(held).replace(" ", "").encode()) - len(',"REST":""')
    return {**held, "REST": "x" * left}


def config(size: int) -> dict[str, Any]:
    return {"build_config": {"env_vars": variables(size)}}


def test_more_public_variables_than_pages_should_carry_are_refused(app: RunningApp) -> None:
    assert app.client.patch(app.path, json=config(LIMIT)).status_code == 200
    refused = app.client.patch(app.path, json=config(LIMIT + 1))
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "env_vars_too_large")
    assert (error["details"]["size"], error["details"]["limit"]) == (LIMIT + 1, LIMIT)
    new = {"slug": f"{app.slug}-new", "meta": {"title": "new"}, **config(LIMIT + 1)}
    assert app.client.post("/v1/apps", json=new).json()["error"]["code"] == "env_vars_too_large"
    # The key is used only on the server, so no page contains it.
    secret = {"build_config": {"env_vars": {"MIXPEEK_API_KEY": "x" * 1000}}}
    assert app.client.patch(app.path, json=secret).status_code == 200


def test_an_app_above_the_present_limit_of_variables_can_still_be_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        monkeypatch.setattr(service, "ENV_VARS_LIMIT", 10 * LIMIT)
        async with world.database.transaction() as work:
            organisation = await create_organisation(work, "tests")
            caller = Subject("key_x", organisation.id, "tests", "admin", None)
            slug = f"e-{organisation.id[4:]}x"
            request = CreateAppRequest.model_validate({"slug": slug, "meta": {"title": "old"}, **config(LIMIT + 1)})
            app = await create_app(work, world.vault, caller, request, max_apps=None, namespace=None, reserved_for=0)
        monkeypatch.undo()
        for patch, accepted in (
            ({"meta": {"title": "new"}}, True),
            (config(LIMIT + 1), True),
            ({"build_config": {"env_vars": {"ONE_MORE": "x"}}}, False),
            ({"build_config": {"env_vars": {"V0": None, "V1": None}}}, True),
            ({"build_config": {"env_vars": {"ONE_MORE": "x"}}}, True),
        ):
            async with world.database.transaction() as work:
                held = await service.get_app(work, caller, app.id, lock=True, with_draft=True)
                change = UpdateAppRequest.model_validate(patch)
                if accepted:
                    await service.update_app(work, world.vault, held, change, dry_run=False, reserved_for=0)
                else:
                    with pytest.raises(EnvVarsTooLargeError):
                        await service.update_app(work, world.vault, held, change, dry_run=False, reserved_for=0)

    world.do(go())
