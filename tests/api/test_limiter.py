"""Limits of an organisation: each limit is reached once, its refusal names the limit, and a busy team never reaches
it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from easel.access.errors import RateLimitedError
from easel.access.service import create_organisation_with_key
from easel.api.application import make_application, make_services
from easel.api.http.context import Services
from easel.api.http.errors import error_answer
from easel.api.http.limits import POLL, Limiter, weight_of
from easel.api.routes.deploys import deploy_app
from easel.api.routes.uploads import get_upload_url, verify_upload
from easel.running.roles import open_store, open_vault
from easel.settings import Settings
from testbed.running import Platform, zip_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_organisation_over_its_limit_is_told_when_to_try_again(clock: Clock) -> None:
    limiter = Limiter(60, clock)
    for _ in range(60):
        limiter.count("org_a")
    for refuse in (limiter.count, limiter.refuse_over):
        with pytest.raises(RateLimitedError) as caught:
            refuse("org_a")
        answer = error_answer(caught.value)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert caught.value.details["limit"] == caught.value.details["used"] == 60
    limiter.count("org_b")
    clock.now += 1
    limiter.count("org_a")
    assert limiter.frees_in("org_a") == pytest.approx(60)


def test_costlier_requests_count_more(clock: Clock) -> None:
    limiter = Limiter(60, clock)
    limiter.charge("org_a", 10_000)
    assert limiter.used("org_a") == 0
    limiter.charge("org_a", 128 * 1024 * 90)
    with pytest.raises(RateLimitedError) as caught:
        limiter.count("org_a", 5)
    assert caught.value.details["retry_after_seconds"] == 35


def test_a_request_larger_than_the_limit_is_accepted_by_a_full_bucket(clock: Clock) -> None:
    limiter = Limiter(60, clock)
    limiter.count("org_a", 1000)
    clock.now += 1000
    limiter.count("org_a", 1000)


def test_a_limit_of_zero_limits_nothing() -> None:
    limiter = Limiter(0)
    for _ in range(1000):
        limiter.count("org_a", 1000)
    assert limiter.frees_in("org_a") is None


@pytest.mark.parametrize(
    ("a_minute", "weight"),
    [
        (6000, 1.0),
        (60_000, POLL),
        # A deploy, polled ten times, with an upload before it (which needs no key).
        (1200, sum(weight_of(asked) for asked in (get_upload_url, verify_upload, deploy_app)) + 10 * POLL),
    ],
)
def test_a_busy_team_never_reaches_the_limit(clock: Clock, a_minute: int, weight: float) -> None:
    limiter = Limiter(Settings().rate_limit_per_minute, clock)
    for _ in range(2 * a_minute):
        limiter.count("org_a", weight)
        clock.now += 60 / a_minute


@asynccontextmanager
async def an_api(platform: Platform, **limits: int) -> AsyncIterator[tuple[Services, httpx.AsyncClient]]:
    """Yields an api with other limits on the platform's database, and its client, of a new organisation."""
    settings = Settings(data_dir=platform.data_dir, **limits)  # type: ignore[arg-type]
    services = make_services(settings, platform.database_url, open_store(settings), open_vault(settings))
    async with services.database.transaction() as work:
        secret = await create_organisation_with_key(work, "Limited")
    transport = httpx.ASGITransport(make_application(services))
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
        yield services, client
    await services.polls.close()
    await services.database.close()


async def new_app(client: httpx.AsyncClient, slug: str) -> str:
    answer = await client.post("/v1/apps", json={"slug": slug, "meta": {"title": slug}})
    assert answer.status_code == 200, answer.text
    return f"/v1/apps/{answer.json()['app_id']}"


async def limits_of(client: httpx.AsyncClient) -> dict[str, tuple[int | None, int]]:
    answer = (await client.get("/v1/limits")).json()
    return {limit["name"]: (limit["limit"], limit["used"]) for limit in answer["limits"]}


def refusal(answer: httpx.Response) -> tuple[int, str, int, int]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["details"]["limit"], error["details"]["used"]


async def test_an_organisation_has_as_many_apps_as_it_may(platform: Platform, slug: str) -> None:
    async with an_api(platform, max_apps=1) as (_, client):
        await new_app(client, slug)
        refused = await client.post("/v1/apps", json={"slug": f"{slug}-2", "meta": {"title": "x"}})
        assert refusal(refused) == (400, "app_limit_reached", 1, 1)
        assert (await client.get("/v1/apps")).json()["max_apps"] == 1
        assert (await limits_of(client))["apps"] == (1, 1)


async def test_large_configurations_take_only_so_much_and_usual_ones_are_never_refused(
    platform: Platform, slug: str
) -> None:
    async with an_api(platform, max_configuration_bytes=300_000) as (_, client):
        app = await new_app(client, slug)

        async def publish(size: int) -> httpx.Response:
            return await client.patch(app, json={"publish": True, "custom_html": secrets.token_hex(size // 2)})

        assert (await publish(400_000)).status_code == 200
        refused = await publish(400_000)
        code, limit, used = refusal(refused)[1:]
        assert (refused.status_code, code, limit) == (403, "configuration_bytes_limit_reached", 300_000)
        assert 400_000 < used < 500_000
        assert (await limits_of(client))["configuration_bytes"] == (300_000, used)
        assert (await publish(1000)).status_code == 200
        assert (await client.post(f"{app}/rollback")).status_code == 200


async def test_requests_of_all_keys_count_together(platform: Platform) -> None:
    async with an_api(platform, rate_limit_per_minute=3) as (_, client):
        key = (await client.post("/v1/keys", json={"name": "second"})).json()["key"]
        other = {"Authorization": f"Bearer {key}"}
        assert (await client.get("/v1/apps")).status_code == 200
        assert (await client.get("/v1/apps", headers=other)).status_code == 200
        refused = await client.get("/v1/apps", headers=other)
        assert refusal(refused) == (429, "rate_limited", 3, 3)
        assert int(refused.headers["retry-after"]) > 0


async def test_the_number_of_open_log_streams_is_limited(platform: Platform, slug: str) -> None:
    async with an_api(platform, max_log_streams=1) as (services, client):
        app = await new_app(client, slug)
        deploy = await a_deploy(client, app)
        async with services.database.transaction() as work:
            ((organisation,),) = await work.sql("select org_id from deploy where id = %(id)s", {"id": deploy})
        stream = f"{app}/deploys/{deploy}/logs/stream"
        with services.streams.opened(organisation):
            refused = await client.get(stream)
            assert refusal(refused) == (429, "log_stream_limit_reached", 1, 1)
            assert int(refused.headers["retry-after"]) > 0
            assert (await limits_of(client))["log_streams"] == (1, 1)
        assert (await client.get(stream)).status_code == 200
        assert (await limits_of(client))["log_streams"] == (1, 0)


async def test_the_number_of_waiting_uploads_is_limited_and_deployed_uploads_do_not_count(
    platform: Platform, slug: str
) -> None:
    async with an_api(platform, max_waiting_uploads=1) as (_, client):
        app = await new_app(client, slug)
        await a_deploy(client, app)
        assert (await limits_of(client))["waiting_uploads"] == (1, 0)
        ask = f"{app}/deploy/upload-url"
        assert (await client.post(ask, json={"filename": "a.zip"})).status_code == 200
        refused = await client.post(ask, json={"filename": "b.zip"})
        assert refusal(refused) == (403, "upload_limit_reached", 1, 1)
        # An hour until the URL expires, plus a day.
        assert 86400 < int(refused.headers["retry-after"]) <= 90000


async def test_the_bytes_of_waiting_uploads_are_limited_however_they_are_sent(platform: Platform, slug: str) -> None:
    async with an_api(platform, max_waiting_upload_bytes=1000) as (_, client):
        app = await new_app(client, slug)
        issued = [(await client.post(f"{app}/deploy/upload-url", json={"filename": "a.zip"})).json() for _ in range(2)]
        first, second = (address["upload_url"] for address in issued)
        zipped = {"Content-Type": "application/zip"}
        assert (await client.put(first, content=bytes(600), headers=zipped)).status_code == 200
        refused = await client.put(second, content=bytes(401), headers=zipped)
        assert refusal(refused) == (403, "upload_bytes_limit_reached", 1000, 600)
        assert 86400 < int(refused.headers["retry-after"]) <= 90000
        # A replacement counts in addition to the upload until it is complete, and instead of it afterwards.
        assert (await client.put(first, content=bytes(400), headers=zipped)).status_code == 200
        assert (await client.put(second, content=bytes(600), headers=zipped)).status_code == 200
        assert (await limits_of(client))["waiting_upload_bytes"] == (1000, 1000)
        refused = await client.post(f"{app}/deploy/upload-url", json={"filename": "c.zip"})
        assert refusal(refused) == (403, "upload_bytes_limit_reached", 1000, 1000)


async def test_an_upload_of_a_failed_deploy_counts_as_waiting_again(platform: Platform, slug: str) -> None:
    async with an_api(platform) as (_, client):
        app = await new_app(client, slug)
        await a_deploy(client, app, b"no zip")
        limits = await limits_of(client)
        assert (limits["waiting_uploads"][1], limits["waiting_upload_bytes"][1]) == (1, 6)


async def a_deploy(client: httpx.AsyncClient, app: str, content: bytes | None = None) -> str:
    """Deploys a one-file site or the given content, and returns the id of the finished deploy."""
    data = content if content is not None else zip_of({"index.html": "<!doctype html>"})
    issued = (await client.post(f"{app}/deploy/upload-url", json={"filename": "a.zip"})).json()
    put = await client.put(issued["upload_url"], content=data, headers={"Content-Type": "application/zip"})
    assert put.status_code == 200, put.text
    order = {"message": "m", "bundle_s3_key": issued["bundle_s3_key"]}
    deploy = str((await client.post(f"{app}/deploy", json=order)).json()["deploy_id"])
    while (await client.get(f"{app}/deploys/{deploy}")).json()["status"] not in ("complete", "failed"):
        pass
    return deploy
