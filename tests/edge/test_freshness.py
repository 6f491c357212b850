"""After the response of the api, no edge on the machine serves the earlier state."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from testbed.waiting import until
from tests.edge.running import App, RunningEdge, request

Make = Callable[..., App]


def files(number: int) -> dict[str, str]:
    return {"index.html": f"<head></head>text {number}", "app.js": f"// text {number}"}


def test_a_moved_pointer_is_seen_by_the_very_next_request(edge: RunningEdge, app: Make) -> None:
    made = app(files(1))
    with edge.connect() as wire:
        for number in range(2, 40):
            wire.ask(made.host)
            wire.ask(made.host)
            made.deploy(files(number))
            answer = wire.ask(made.host)
            assert f"text {number}".encode() in answer.body
            assert answer["x-easel-version"] == str(number)


def test_a_restore_brings_back_the_older_version_with_its_own_etag(edge: RunningEdge, app: Make) -> None:
    made = app(files(1))
    first = made.environments["production"]
    before = edge.get(made.host, "/app.js")
    made.deploy(files(2))
    assert edge.get(made.host, "/app.js", If_None_Match=before["etag"]).status == 200
    made.point("production", first)
    again = edge.get(made.host, "/app.js", If_None_Match=before["etag"])
    assert (again.status, again["x-easel-version"]) == (304, "1")


def test_a_deploy_to_staging_leaves_productions_prepared_answers_alone(edge: RunningEdge, app: Make) -> None:
    made = app(files(1))
    edge.get(made.host)
    made.deploy(files(2), to="staging")
    edge.get(made.host)
    before = edge.fast()
    edge.get(made.host)
    assert edge.fast() == before + 1


def test_changed_variables_are_in_the_very_next_page_and_change_its_etag(edge: RunningEdge, app: Make) -> None:
    made = app(files(1))
    before = edge.get(made.host)
    made.variables["FLAG"] = "on"
    made.commit()
    after = edge.get(made.host, If_None_Match=before["etag"])
    assert after.status == 200
    assert b'"FLAG":"on"' in after.body


def test_readers_in_a_storm_of_restores_never_see_the_past_a_mixture_or_an_error(edge: RunningEdge, app: Make) -> None:
    made = app()
    versions = [made.record(files(number)) for number in range(1, 7)]
    made.point("production", versions[0])
    answered = 0
    stop = threading.Event()
    wrong: list[str] = []
    counts = [0] * 4

    def read(reader: int) -> None:
        with edge.connect() as wire:
            while not stop.is_set():
                floor = answered
                page = wire.ask(made.host)
                ceiling = answered + 1
                if page.status != 200:
                    wrong.append(f"status {page.status}")
                    continue
                number = int(page["x-easel-version"])
                possible = {step % len(versions) + 1 for step in range(floor, ceiling + 1)}
                if number not in possible:
                    wrong.append(f"version {number} after move {floor} of {ceiling}")
                if f"text {number}".encode() not in page.body:
                    wrong.append(f"version {number} with the body {page.body[-20:]!r}")
                counts[reader] += 1

    readers = [threading.Thread(target=read, args=[number]) for number in range(len(counts))]
    for reader in readers:
        reader.start()
    moves = 0
    # Even on a busy machine, every reader sees many moves.
    while moves < 1000 or min(counts) < 100:
        moves += 1
        made.point("production", versions[moves % len(versions)])
        answered = moves
        time.sleep(0.001)
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_a_site_whose_pointer_moved_while_it_was_built_is_not_served_to_later_visitors(
    edge: RunningEdge, app: Make
) -> None:
    made = app(files(1))
    slow = edge.objects.get
    reading, go_on = threading.Event(), threading.Event()

    async def held(key: str) -> bytes:
        data = await slow(key)
        if "manifests" in key and not reading.is_set():
            reading.set()
            while not go_on.is_set():
                await asyncio.sleep(0.001)
        return data

    edge.objects.get = held  # type: ignore[method-assign]
    try:
        early: list[bytes] = []
        visitor = threading.Thread(target=lambda: early.append(edge.get(made.host).body))
        visitor.start()
        assert reading.wait(60)
        made.deploy(files(2))
        assert b"text 2" in edge.get(made.host).body
        go_on.set()
        visitor.join()
        assert b"text 1" in early[0]
        for _ in range(3):
            assert b"text 2" in edge.get(made.host).body
    finally:
        go_on.set()
        edge.objects.get = slow  # type: ignore[method-assign]


def test_many_waiting_requests_share_one_query_of_the_database(edge: RunningEdge, app: Make) -> None:
    made = app(files(1))
    edge.get(made.host)
    wires = [edge.connect() for _ in range(30)]
    before = edge.feed.refreshes
    edge.call(edge.feed.slow.clear)
    made.deploy(files(2))
    for wire in wires:
        wire.send(request(made.host))
    deadline = time.monotonic() + 0.3
    while edge.feed.refreshes == before and time.monotonic() < deadline:
        time.sleep(0.001)
    edge.call(edge.feed.slow.set)
    assert all(b"text 2" in wire.reply().body for wire in wires)
    assert edge.feed.refreshes - before <= 3
    for wire in wires:
        wire.close()


def test_while_the_database_is_down_what_is_known_is_served_quickly_and_what_changed_is_seen_once_it_is_back(
    own_edge: Callable[..., RunningEdge],
) -> None:
    edge = own_edge(refresh_timeout=(timeout := 0.3))
    made = edge.app("shop", files(1))
    # On a busy machine, the first refresh may take longer than the timeout.
    until(lambda: edge.get(made.host).status == 200)
    edge.call(edge.feed.slow.clear)
    made.deploy(files(2))
    before, began = edge.edge.freshness.timeouts, time.monotonic()
    for _ in range(20):
        assert b"text 1" in edge.get(made.host).body
    # One visitor waits in vain. The visitors of the following 0.3 seconds do not wait, however long each visit takes.
    pairs = (time.monotonic() - began) / (2 * timeout)
    assert 1 <= edge.edge.freshness.timeouts - before <= 1 + pairs
    edge.feed.answers = lambda: False
    edge.call(edge.feed.slow.set)
    for _ in range(20):
        assert b"text 1" in edge.get(made.host).body
    text = edge.private("/metrics").body.decode()
    assert "easel_edge_fresh 0.0" in text
    edge.feed.answers = lambda: True
    until(lambda: b"text 2" in edge.get(made.host).body)
    assert edge.edge.freshness.healthy
