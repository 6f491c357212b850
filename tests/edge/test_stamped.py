"""A short head that repeats within a second gets the response of the slow path, and never an old one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from easel.edge.fast import stamped
from easel.edge.recorder import FAST, FULL
from tests.edge.running import App, RunningEdge, Wire, request, unread

Make = Callable[..., App]
CHANGING = ("date", "x-request-id")


def stamp(edge: RunningEdge, wire: Wire, head: bytes) -> None:
    """Sends the head until its response is stamped."""
    for _ in range(1000):
        wire.send(head)
        wire.reply()
        if head in edge.edge.sites.stamped.by_head:
            return
    raise AssertionError(head)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/small.txt", "/middle.bin", "/long.bin", "/old", "/none.txt"])
@pytest.mark.parametrize("condition", [False, True])
def test_each_repeated_request_gets_the_first_response_again(
    edge: RunningEdge, app: Make, method: str, path: str, condition: bool
) -> None:
    files = {"index.html": "<p>home", "small.txt": "0123456789", "middle.bin": bytes(30_000), "long.bin": bytes(70_000)}
    made = app({**files, "_redirects": "/old /small.txt 301"})
    with edge.connect() as wire:
        tag = wire.ask(made.host, path).get("etag") if condition else None
        headers = {"If-None-Match": tag} if tag else {}
        replies = [wire.ask(made.host, path, method, **headers) for _ in range(8)]
    first = replies[0]
    assert first.status == (304 if tag else 301 if path == "/old" else 404 if path == "/none.txt" else 200)
    assert len({reply["x-request-id"] for reply in replies}) == 8
    for reply in replies[1:]:
        assert (reply.status, reply.body) == (first.status, first.body)
        assert {n: v for n, v in reply.headers.items() if n not in CHANGING} == {
            n: v for n, v in first.headers.items() if n not in CHANGING
        }


def test_a_repeated_request_gets_the_new_version_right_after_a_deploy(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.txt": "first"})
    head = request(made.host, "/a.txt")
    with edge.connect() as wire:
        for number in range(10):
            stamp(edge, wire, head)
            made.deploy({"index.html": "", "a.txt": f"{number}"})
            wire.send(head)
            assert wire.reply().body == b"%d" % number


def test_a_repeated_request_gets_the_new_version_of_a_deploy_on_another_machine(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.txt": "first"})
    head = request(made.host, "/a.txt")
    with edge.connect() as wire:
        stamp(edge, wire, head)
        made.environments["production"] = made.record({"index.html": "", "a.txt": "second"})
        # The freshness page of this machine does not show the change.
        edge.call(lambda: edge.feed.table.apply({made.id: made.route()}))
        wire.send(head)
        assert wire.reply().body == b"second"


def test_a_repeated_request_gets_the_current_date(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.txt": "a"})
    head = request(made.host, "/a.txt")
    later = "Fri, 01 Jan 2100 00:00:00 GMT"
    dates: list[str] = []

    def change() -> None:
        edge.server.server_state.default_headers = [(b"date", later.encode())]

    with edge.connect() as wire:
        # The server sets the real date once a second, possibly before the request arrives.
        while later not in dates and len(dates) < 1000:
            stamp(edge, wire, head)
            edge.call(change)
            wire.send(head)
            dates.append(wire.reply()["date"])
    assert later in dates


def test_repeated_requests_are_counted_at_every_moment(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.txt": "0123456789"})
    tally = edge.edge.recorder.of(made.id)
    head = request(made.host, "/a.txt")
    with edge.connect() as wire:
        wire.ask(made.host, "/a.txt")
        for number in range(1, 50):
            wire.send(head)
            wire.reply()
            if number % 7 == 0:
                edge.call(edge.edge.sites.stamped.clear)
            if number % 5 == 0:
                assert tally.answers == {(FULL, 200): 1, (FAST, 200): number}
    assert tally.sent == 50 * 10


def test_connections_with_the_same_head_share_its_stamped_response(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.txt": "0123456789"})
    tally = edge.edge.recorder.of(made.id)
    head = request(made.host, "/a.txt")
    kept: set[int] = set()
    with edge.connect() as wire:
        stamp(edge, wire, head)
    before = tally.answers[FAST, 200]
    for _ in range(20):
        with edge.connect() as wire:
            stamp(edge, wire, head)
            kept.add(id(edge.edge.sites.stamped.by_head[head].defaults))
            before += 1
    assert tally.answers[FAST, 200] == before
    # Each second has new default headers, and one counter.
    assert len(tally._repeats) <= len(kept) + 1


def test_stamped_responses_keep_no_deleted_site_in_memory(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.txt": "a"})
    head = request(made.host, "/a.txt")
    with edge.connect() as wire:
        stamp(edge, wire, head)
        before = edge.edge._requests_weight()
        made.delete()
        wire.send(head)
        assert wire.reply().status == 404
        assert head not in edge.edge.sites.stamped.by_head
        assert edge.edge._requests_weight() < before


def test_a_second_has_a_limited_number_of_stamped_responses(
    edge: RunningEdge, app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamped, "_MOST", 3)
    made = app({"index.html": "", **{f"{n}.txt": f"{n}" for n in range(9)}})
    with edge.connect() as wire:
        for n in range(9):
            for _ in range(5):
                assert wire.ask(made.host, f"/{n}.txt").body == b"%d" % n
            assert len(edge.edge.sites.stamped.by_head) <= 3


def test_a_client_that_does_not_read_gets_all_responses_in_order_later(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.bin": b"a" * 60_000, "b.bin": b"b" * 60_000})
    heads = [request(made.host, f"/{name}.bin") for name in "ab"]
    with edge.connect() as other:
        for head in heads:
            stamp(edge, other, head)
    with unread(edge) as wire:
        order = "aab" * 40
        for name in order:
            wire.send(heads["ab".index(name)])
        assert [wire.reply().body[:1].decode() for _ in order] == list(order)


def test_a_client_that_does_not_read_makes_the_edge_hold_no_further_responses(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.bin": b"a" * 60_000})
    head = request(made.host, "/a.bin")
    others = set(edge.server.server_state.connections)
    held: list[int] = []

    def ask_until_full() -> None:
        mine: Any = next(iter(set(edge.server.server_state.connections) - others))
        while not mine.flow.write_paused:
            # The response that fills the connection is not stamped yet.
            edge.edge.sites.stamped.clear()
            mine.data_received(head)
        for _ in range(20):
            held.append(mine.transport.get_write_buffer_size())
            mine.data_received(head)

    with unread(edge) as wire:
        stamp(edge, wire, head)
        edge.call(ask_until_full)
    assert len(set(held)) == 1


def test_a_connection_finds_the_response_that_another_connection_stamped_in_this_second(
    edge: RunningEdge, app: Make
) -> None:
    made = app({"index.html": "", "_redirects": "/old / 301"})
    tally = edge.edge.recorder.of(made.id)
    head = request(made.host, "/old")
    by_head = edge.edge.sites.stamped.by_head
    alike: list[bool] = []
    with edge.connect() as one, edge.connect() as other:
        while True not in alike:
            stamp(edge, one, head)
            stamp(edge, other, head)
            before = by_head[head]
            # Wait for the next second's default headers.
            while by_head.get(head) is before:
                one.send(head)
                one.reply()
            stamp(edge, one, head)
            now = by_head[head]
            times = now.repeats.times
            other.send(head)
            other.reply()
            alike.append(by_head.get(head) is now and now.repeats.times == times + 1)
    assert tally.answers[FAST, 301] > 2


def test_an_evicted_response_is_sent_to_no_connection_that_had_it(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.txt": "a", "_redirects": "/old /a.txt 301"})
    for head in (request(made.host, "/a.txt"), request(made.host, "/old")):
        with edge.connect() as wire:
            stamp(edge, wire, head)
            evicted = edge.edge.sites.stamped.by_head[head]
            edge.call(edge.edge.sites.stamped.clear)
            wire.send(head)
            assert wire.reply().status in (200, 301)
            assert (evicted.before, evicted.joined, evicted.body) == (b"", b"", None)


def test_bytes_with_more_or_less_than_one_request_are_parsed(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "", "a.txt": "a"})
    head = request(made.host, "/a.txt")
    with edge.connect() as wire:
        stamp(edge, wire, head)
        wire.send(head + head)
        assert [wire.reply().body for _ in range(2)] == [b"a", b"a"]
        stamp(edge, wire, head)
        wire.send(head[:-2])
        wire.send(b"Range: bytes=0-0\r\n\r\n")
        assert wire.reply().status == 206
        stamp(edge, wire, head)
        wire.send(head[:-2] + b"Host: other.localhost\r\n\r\n")
        assert wire.reply().status == 400
