"""Requests that are repeated with an Idempotency-Key."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

from testbed.running import Platform, RunningApp


def test_a_repeated_request_gets_its_first_answer(platform: Platform) -> None:
    once = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"name": "ci", "scope": "deploy"}
    with platform.client() as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/keys", json=body, headers=once), range(8)))
        assert len({answer.json()["key"] for answer in answers}) == 1
        assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7
        other = client.post("/v1/keys", json={**body, "scope": "admin"}, headers=once)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")


def test_no_key_gets_the_response_to_another_key(app: RunningApp) -> None:
    once = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"name": "ci", "scope": "admin"}
    first = app.client.post("/v1/keys", json=body, headers=once)
    assert first.status_code == 200
    for limits in ({"scope": "read"}, {"scope": "admin", "app_id": app.app_id}):
        weaker = app.client.post("/v1/keys", json={"name": "weaker", **limits}).json()["key"]
        with app.platform.client(weaker) as client:
            answer = client.post("/v1/keys", json=body, headers=once)
        assert answer.status_code == 403
        assert first.json()["key"] not in answer.text


def test_a_remembered_response_shows_no_secret_in_the_database(platform: Platform) -> None:
    with platform.client() as client:
        answer = client.post("/v1/keys", json={"name": "ci"}, headers={"Idempotency-Key": secrets.token_hex(8)})
    with platform.database() as connection:
        rows = connection.execute("select remembered_answer::text from remembered_answer").fetchall()
    assert rows
    # The prefix alone may be in an encrypted text by chance.
    assert answer.json()["key"].removeprefix("sk_") not in str(rows)


def test_a_refusal_is_not_remembered(platform: Platform, slug: str) -> None:
    once = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"slug": slug, "meta": {"title": "x"}}
    with platform.client() as client:
        blocking = client.post("/v1/apps", json=body).json()["app_id"]
        assert client.post("/v1/apps", json=body, headers=once).status_code == 400
        client.delete(f"/v1/apps/{blocking}")
        assert client.post("/v1/apps", json=body, headers=once).status_code == 200
