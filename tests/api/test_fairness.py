"""Fairness: requests of one organisation are answered, however many and costly the requests of another organisation
are."""

from __future__ import annotations

import asyncio

import httpx
import psycopg
import pytest

from easel.api.http.limits import Fairness
from easel.storage.turns import TooManyAtOnceError, Turns
from testbed.running import Platform, RunningApp

BLOCKED = """
select count(*) from pg_stat_activity
 where wait_event_type = 'Lock' and state = 'active' and pid <> pg_backend_pid() and query like '%%app%%'
"""


@pytest.mark.parametrize("size", [1, 100_000])
async def test_requests_that_wait_for_each_other_keep_nobody_else_waiting(
    platform: Platform, app: RunningApp, another: httpx.AsyncClient, size: int
) -> None:
    change = {"meta": {"title": "x", "description": "x"}, "custom_html": "x" * size}
    async with (
        await psycopg.AsyncConnection.connect(platform.database_url) as holder,
        await psycopg.AsyncConnection.connect(platform.database_url, autocommit=True) as watcher,
        httpx.AsyncClient(base_url=platform.api_url, headers=app.client.headers, timeout=60, trust_env=False) as many,
    ):
        await holder.execute("select from app where id = %s for update", (app.app_id,))
        changes = [asyncio.create_task(many.patch(app.path, json=change)) for _ in range(40)]
        while (await (await watcher.execute(BLOCKED)).fetchone()) in (None, (0,)):
            await asyncio.sleep(0)
        # More costly requests wait than the api has connections to the database.
        assert [(await another.get("/v1/keys")).status_code for _ in range(20)] == [200] * 20
        assert not any(change.done() for change in changes)
        await holder.rollback()
        answers = await asyncio.gather(*changes)
    assert {answer.status_code for answer in answers} == {200}


async def waiting(turns: Turns, *sharers: str) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(turns.take(sharer)) for sharer in sharers]
    await asyncio.sleep(0)
    return tasks


async def test_waiting_requests_continue_in_turns() -> None:
    turns = Turns(everywhere=1, each=1, kept=0, waiting=10)
    await turns.take("a")
    order: list[str] = []

    async def go(sharer: str) -> None:
        async with turns.turn(sharer):
            order.append(sharer)

    tasks = [asyncio.create_task(go(sharer)) for sharer in ("b", "b", "b", "c", "d", "d")]
    await asyncio.sleep(0)
    turns.give("a")
    await asyncio.gather(*tasks)
    assert order == ["b", "c", "d", "b", "d", "b"]


async def test_the_last_turn_is_kept_for_an_organisation_without_a_turn() -> None:
    turns = Turns(everywhere=3, each=3, kept=1, waiting=10)
    a, b, third, c = await waiting(turns, "a", "a", "a", "c")
    assert [task.done() for task in (a, b, third, c)] == [True, True, False, True]
    turns.give("c")
    assert not third.done()
    turns.give("a")
    await third


async def test_a_cancelled_wait_loses_no_turn() -> None:
    turns = Turns(everywhere=1, each=1, kept=0, waiting=10)
    await turns.take("a")
    leaving, other, late = await waiting(turns, "b", "c", "b")
    leaving.cancel()
    await asyncio.sleep(0)
    turns.give("a")
    # The request has got its turn, but its task has not run since then.
    late.cancel()
    await asyncio.gather(leaving, late, return_exceptions=True)
    await other
    turns.give("c")
    await turns.take("b")


async def test_a_turn_that_is_given_to_a_cancelled_wait_goes_to_the_next_request() -> None:
    turns = Turns(everywhere=1, each=1, kept=0, waiting=10)
    await turns.take("a")
    leaving, other, another = await waiting(turns, "b", "b", "c")
    leaving.cancel()
    turns.give("a")
    await asyncio.gather(leaving, return_exceptions=True)
    await another
    turns.give("c")
    await other
    turns.give("b")
    await turns.take("a")


async def test_only_a_limited_number_of_requests_of_one_organisation_wait() -> None:
    turns = Turns(everywhere=1, each=1, kept=0, waiting=2)
    await turns.take("a")
    tasks = await waiting(turns, "a", "a", "b")
    with pytest.raises(TooManyAtOnceError) as caught:
        await turns.take("a")
    assert caught.value.details["limit"] == caught.value.details["used"] == 2
    for sharer in ("a", "a", "b"):
        turns.give(sharer)
    await asyncio.gather(*tasks)


async def test_after_a_costly_request_others_are_answered_before_the_next_one() -> None:
    now = 0.0
    fairness = Fairness(lambda: now)
    fairness.remember_owner("sk_other", "other")
    async with fairness.costly("big"):
        now = 0.1
    following = asyncio.create_task(fairness.costly("big").__aenter__())
    await asyncio.sleep(0)
    assert not following.done()
    async with fairness.costly("other"):
        pass
    await following
