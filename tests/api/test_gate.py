"""The gate: requests begin in turns, so neither strangers nor a busy organisation delay another organisation."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from easel.access.errors import RateLimitedError
from easel.access.service import create_organisation_with_key
from easel.api.application import make_application, make_services
from easel.api.http.context import Services
from easel.api.http.gate import network_of
from easel.api.http.limits import Fairness
from easel.api.http.rounds import Rounds
from easel.running.roles import open_store, open_vault
from easel.settings import Settings
from testbed.running import Platform


@asynccontextmanager
async def an_api(platform: Platform) -> AsyncIterator[tuple[Services, httpx.ASGITransport]]:
    """Yields an api on the platform's database that has not seen any key yet."""
    settings = Settings(data_dir=platform.data_dir)
    services = make_services(settings, platform.database_url, open_store(settings), open_vault(settings))
    yield services, httpx.ASGITransport(make_application(services))
    await services.polls.close()
    await services.database.close()


async def organisation_key(services: Services, name: str) -> str:
    async with services.database.transaction() as work:
        return await create_organisation_with_key(work, name)


async def ask(transport: httpx.ASGITransport, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
        return (await client.get("/v1/keys")).status_code


async def test_one_of_the_waiting_requests_of_each_organisation_begins_in_a_round() -> None:
    rounds, begun = Rounds(), list[str]()

    async def begin(sharer: str) -> None:
        await rounds.begin(sharer)
        begun.append(sharer)

    tasks = [asyncio.create_task(begin(sharer)) for sharer in ("a", "a", "a", "a", "b", "a", "b")]
    await asyncio.gather(*tasks)
    assert begun == ["a", "b", "a", "b", "a", "a", "a"]


async def test_an_organisation_with_waiting_requests_lets_other_organisations_go_first() -> None:
    is_asked, begun = True, list[str]()
    rounds = Rounds(lambda sharer: is_asked and sharer == "a")

    async def begin(sharer: str) -> None:
        await rounds.begin(sharer)
        begun.append(sharer)

    tasks = [asyncio.create_task(begin(sharer)) for sharer in ("a", "a", "a", "b")]
    await tasks[3]
    await begin("b")
    late = asyncio.create_task(begin("a"))
    await begin("b")
    assert begun == ["a", "b", "b", "b"]
    is_asked = False
    await asyncio.gather(*tasks, late)
    assert begun[4:] == ["a", "a", "a"]


async def test_each_round_begins_as_many_requests_of_an_organisation_as_allowed() -> None:
    rounds, begun = Rounds(each=2), list[str]()

    def begin(request: str) -> bool:
        begun.append(request)
        # The client of the second request has disconnected.
        return request != "second"

    assert rounds.begins("a")
    assert rounds.begins("a")
    assert not rounds.begins("a")
    for request in ("first", "second", "third", "fourth"):
        rounds.wait("a", functools.partial(begin, request))
    assert not rounds.begins("a")
    assert rounds.begins("b")
    await asyncio.sleep(0)
    assert begun == ["first", "second", "third"]
    while not rounds.begins("a"):
        await asyncio.sleep(0)
    assert begun[3:] == ["fourth"]


async def test_refused_requests_wait_for_their_turn_as_well(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thus, a thousand requests over a limit delay nobody."""
    async with an_api(platform) as (services, clients):
        key = await organisation_key(services, "Over")
        assert await ask(clients, key) == 200
        this_round, refused_in = itertools.count(), list[int]()
        number = 0

        def next_round() -> None:
            nonlocal number
            number = next(this_round)
            if len(refused_in) < 5:
                asyncio.get_running_loop().call_soon(next_round)

        def refuse(_: str) -> None:
            refused_in.append(number)
            raise RateLimitedError(limit=1, used=1, retry_after_seconds=1, retryable=True)

        monkeypatch.setattr(services.limiter, "refuse_over", refuse)
        next_round()
        assert await asyncio.gather(*(ask(clients, key) for _ in range(5))) == [429] * 5
        assert len(set(refused_in)) == 5


async def test_a_cancelled_request_does_not_use_up_a_round() -> None:
    rounds = Rounds()
    await rounds.begin("a")
    gone, following = (asyncio.create_task(rounds.begin("a")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await following


async def test_many_wrong_keys_from_one_address_do_not_keep_a_new_key_from_another_waiting(platform: Platform) -> None:
    async with an_api(platform) as (services, strangers):
        key = await organisation_key(services, "New")
        wrong = [asyncio.create_task(ask(strangers, f"sk_wrong{number}")) for number in range(100)]
        await asyncio.sleep(0)
        assert await ask(httpx.ASGITransport(strangers.app, client=("192.0.2.1", 1)), key) == 200
        assert not all(task.done() for task in wrong)
        assert set(await asyncio.gather(*wrong)) == {401}


def test_all_addresses_of_one_network_are_one_client() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("fe80::1%eth0") == network_of("fe80::2")
    assert network_of("no:address") == network_of("") == ""


async def test_a_revoked_key_no_longer_takes_turns_of_its_organisation(platform: Platform) -> None:
    async with an_api(platform) as (services, transport):
        first = await organisation_key(services, "Revoking")
        headers = {"Authorization": f"Bearer {first}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
            made = (await client.post("/v1/keys", json={"name": "second", "scope": "admin"})).json()
            assert await ask(transport, made["key"]) == 200
            assert services.fairness.whose(made["key"]) == services.fairness.whose(first) != ""
            assert (await client.delete(f"/v1/keys/{made['key_id']}")).status_code == 200
        assert await ask(transport, made["key"]) == 401
        assert services.fairness.whose(made["key"]) == ""
        assert await ask(transport, first) == 200


async def test_a_costly_request_waits_for_another_organisations_plain_request_that_has_just_begun() -> None:
    now = 0.0
    fairness = Fairness(lambda: now)
    with fairness.plain("big"):
        await fairness.quiet("big")
    with fairness.plain("other"), fairness.plain("other"):
        waiting = asyncio.create_task(fairness.quiet("big"))
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting
    with fairness.plain("other"):
        # A long request waits for something else, or its client is slow.
        now = 1.0
        await fairness.quiet("big")


async def test_an_organisation_has_fewer_connections_while_others_wait() -> None:
    now = 0.0
    fairness = Fairness(lambda: now)
    turns = [fairness.connection("big") for _ in range(7)]
    for turn in turns[:6]:
        await turn.take()
    for turn in turns[:6]:
        turn.give()
    fairness.remember_owner("sk_other", "other")
    await turns[0].take()
    await turns[1].take()
    third = asyncio.create_task(turns[2].take())
    await asyncio.sleep(0)
    assert not third.done()
    turns[0].give()
    await third


async def test_requests_that_wait_for_a_connection_let_a_plain_one_of_another_organisation_go_first() -> None:
    now = 0.0
    fairness = Fairness(lambda: now)
    fairness.remember_owner("sk_other", "other")
    turns = [fairness.connection("big") for _ in range(4)]
    tasks = [asyncio.create_task(turn.take()) for turn in turns]
    with fairness.plain("other"):
        await asyncio.sleep(0)
        turns[0].give()
        turns[1].give()
        await asyncio.sleep(0)
        assert [task.done() for task in tasks] == [True, True, False, False]
        assert not fairness.gives_way("other")
        await fairness.connection("other").take()
    await asyncio.gather(*tasks)


async def test_requests_that_wait_go_on_though_another_organisation_asks_all_the_time() -> None:
    now = 0.0
    fairness = Fairness(lambda: now)
    fairness.remember_owner("sk_other", "other")
    with fairness.plain("other"):
        assert fairness.gives_way("big")
        now = 0.029
        with fairness.plain("other"):
            assert fairness.gives_way("big")
            now = 0.031
            assert not fairness.gives_way("big")
            assert fairness.gives_way("big")
