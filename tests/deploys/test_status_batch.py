"""Polling a deploy's status: the fast path has the same response as the slow path, and the response is never
outdated."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from easel.api.application import make_application, make_services
from easel.deploys.status_batch import MANY, _Crowd, _StatusQuery
from easel.running.roles import open_store, open_vault
from easel.settings import Settings
from testbed.running import Platform, RunningApp

FILES = {"index.html": "<!doctype html><title>polled</title>"}


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> tuple[RunningApp, str]:
    app = RunningApp.create(platform)
    return app, str(app.deploy(FILES)["deploy_id"])


def make_key(platform: Platform, **fields: str) -> tuple[str, str]:
    with platform.client() as client:
        body = client.post("/v1/keys", json={"name": "polls", "scope": "read", **fields}).json()
        return body["key_id"], body["key"]


def refusal(client: httpx.Client, path: str) -> tuple[int, str]:
    answer = client.get(path)
    return answer.status_code, answer.json()["error"]["code"]


def test_a_poll_has_the_same_response_on_both_paths(deployed: tuple[RunningApp, str]) -> None:
    app, deploy_id = deployed
    failed = app.deploy({"no-entry.txt": "x"})["deploy_id"]
    for asked in (deploy_id, failed):
        polled = app.client.get(f"{app.path}/deploys/{asked}")
        # With a query string, the request is no poll for the fast path.
        routed = app.client.get(f"{app.path}/deploys/{asked}?the=long-way")
        assert polled.json()["deploy_id"] == asked
        assert polled.content == routed.content
        assert set(polled.headers) == set(routed.headers)
        assert polled.headers["content-type"] == routed.headers["content-type"]


def test_each_of_many_pollers_gets_the_status_of_its_own_deploy(platform: Platform) -> None:
    asked = []
    for app in [RunningApp.create(platform) for _ in range(4)]:
        key = app.upload(b"no zip at all")
        asked += [(app, app.order(key)) for _ in range(3)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda one: one[0].status(one[1]), asked * 4))
    told = [(answer["app_id"], answer["deploy_id"]) for answer in answers]
    assert told == [(app.app_id, deploy_id) for app, deploy_id in asked * 4]


def test_waiting_pollers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easel.deploys.status_batch.LATELY", 60)
    crowd = _Crowd()
    polls = [_StatusQuery("key", "app_1", f"dep_{number}") for number in range(MANY + 1)]
    assert not any(crowd.is_large(polls[:MANY]) for _ in range(100))
    assert crowd.is_large(polls[MANY:])
    # Pollers that poll again are still counted, however few come at a time.
    assert all(crowd.is_large([poll]) for poll in polls)


def test_a_revoked_key_and_a_deleted_app_are_refused_at_the_next_poll(platform: Platform) -> None:
    app = RunningApp.create(platform)
    path = f"{app.path}/deploys/{app.deploy(FILES)['deploy_id']}"
    key_id, secret = make_key(platform)
    with platform.client(secret) as client:
        assert client.get(path).status_code == 200
        app.client.delete(f"/v1/keys/{key_id}").raise_for_status()
        assert refusal(client, path) == (401, "invalid_api_key")
    app.client.delete(app.path).raise_for_status()
    assert refusal(app.client, path) == (404, "app_not_found")


def test_a_poll_with_a_key_of_another_app_finds_nothing(platform: Platform, deployed: tuple[RunningApp, str]) -> None:
    app, deploy_id = deployed
    other = RunningApp.create(platform)
    _, secret = make_key(platform, app_id=other.app_id)
    with platform.client(secret) as client:
        assert refusal(client, f"{app.path}/deploys/{deploy_id}") == (404, "app_not_found")
        assert refusal(client, f"{other.path}/deploys/{deploy_id}") == (404, "deploy_not_found")


def test_polling_goes_on_after_its_connection_was_cut(platform: Platform, deployed: tuple[RunningApp, str]) -> None:
    app, deploy_id = deployed
    app.status(deploy_id)
    with platform.database() as connection:
        cut = connection.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where query like '%%join deploy d on d.id%%'"
            " and pid <> pg_backend_pid()"
        ).fetchone()
    assert cut is not None
    assert cut != (0,)
    assert app.status(deploy_id)["status"] == "complete"


async def test_polls_count_against_the_rate_limit(platform: Platform, deployed: tuple[RunningApp, str]) -> None:
    """Ten polls count as one other request."""
    app, deploy_id = deployed
    settings = Settings(data_dir=platform.data_dir, rate_limit_per_minute=1)
    services = make_services(settings, platform.database_url, open_store(settings), open_vault(settings))
    transport = httpx.ASGITransport(make_application(services))
    headers = {"Authorization": f"Bearer {platform.api_key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
        answers = [await client.get(f"{app.path}/deploys/{deploy_id}") for _ in range(11)]
    await services.polls.close()
    await services.database.close()
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[10].json()["error"]["code"] == "rate_limited"
    assert int(answers[10].headers["retry-after"]) > 0
