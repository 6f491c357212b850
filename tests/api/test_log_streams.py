"""Log streams: the responses of the fast path equal those of every other operation."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from testbed.running import Platform, RunningApp
from tests.api.test_limiter import a_deploy, an_api, new_app, refusal

PAGE = {"index.html": "<!doctype html>"}
LINE = 'made up: "é" \x85 \u2028 \r\n'


@pytest.fixture
def stream(app: RunningApp) -> str:
    """Returns the log stream of a deploy that has ended, with many more lines than one query reads."""
    deploy = app.deploy(PAGE)["deploy_id"]
    with app.platform.database() as connection:
        connection.execute(
            "insert into deploy_log select %s, n, now(), %s from generate_series(1001, 1500) as n", (deploy, LINE)
        )
    return f"{app.path}/deploys/{deploy}/logs/stream"


def test_a_long_log_is_sent_whole_from_any_line_on(app: RunningApp, stream: str) -> None:
    answer = app.client.get(stream)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    sent = [int(number) for number in re.findall(r"^id: (\d+)$", answer.text, re.MULTILINE)]
    own = sent.index(1001)
    assert sent == [*range(1, own + 1), *range(1001, 1501)]
    events = answer.text.split("\n\n")
    assert events[-2:] == ["event: done\ndata: {}", ""]
    # A client may split lines at any of Unicode's line breaks.
    assert {len(event.splitlines()) for event in events[:-1]} == {2}
    assert json.loads(events[own].partition("data: ")[2])["line"] == LINE
    for last, following in (("1499", ["1500"]), ("1300", [str(n) for n in range(1301, 1501)]), ("1500", [])):
        rest = app.client.get(stream, headers={"Last-Event-ID": last})
        assert re.findall(r"^id: (\d+)$", rest.text, re.MULTILINE) == following
        assert rest.text.endswith("event: done\ndata: {}\n\n")
    whole = [answer.text] * 4
    for odd in ("0", "x", "²", "9999999999"):
        whole.append(app.client.get(stream, headers={b"Last-Event-ID": odd.encode()}).text)
    assert len(set(whole)) == 1
    # The fast path reads no body.
    assert app.client.request("GET", stream, content=b"{}").text == answer.text


async def test_readers_without_the_right_to_a_log_are_told_so(
    app: RunningApp, stream: str, another: httpx.AsyncClient
) -> None:
    def told(answer: httpx.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["error"]["code"]

    other = RunningApp.create(app.platform)
    made = app.client.post("/v1/keys", json={"name": "one app", "scope": "read", "app_id": other.app_id}).json()
    deploy = stream.split("/")[-3]
    for path, headers, expected in (
        (stream, {"Authorization": f"Bearer {made['key']}"}, (404, "app_not_found")),
        (stream, {"Authorization": "Bearer sk_wrong"}, (401, "invalid_api_key")),
        (stream, {"Authorization": "Basic x"}, (401, "authentication_required")),
        (stream.replace(deploy, "dep_0"), {}, (404, "deploy_not_found")),
        (stream.replace(app.app_id, other.app_id), {}, (404, "deploy_not_found")),
        (stream.replace(app.app_id, "app_0"), {}, (404, "app_not_found")),
    ):
        assert told(app.client.get(path, headers=headers)) == expected
    assert told(await another.get(stream)) == (404, "app_not_found")


async def test_an_opened_stream_counts_as_a_request(platform: Platform, slug: str) -> None:
    async with an_api(platform, rate_limit_per_minute=20) as (_, client):
        app = await new_app(client, slug)
        stream = f"{app}/deploys/{await a_deploy(client, app)}/logs/stream"
        answers = [await client.get(stream) for _ in range(20)]
        # The requests that created the app and its deploy count too.
        assert answers[0].status_code == 200
        assert refusal(answers[-1])[:2] == (429, "rate_limited")
