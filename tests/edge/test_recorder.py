"""Every response is counted once, in one place, on either path."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from easel.edge.recorder import FAST, FULL, OTHERS, Recorder
from tests.edge.running import App, RunningEdge

Make = Callable[..., App]


def test_answers_and_bytes_of_an_app_are_counted_on_both_paths(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "<p>home", "a.txt": "0123456789", "big.bin": bytes(300_000)})
    tally = edge.edge.recorder.of(made.id)
    with edge.connect() as wire:
        for _ in range(3):
            tag = wire.ask(made.host, "/a.txt")["etag"]
        wire.ask(made.host, "/a.txt", "HEAD")
        wire.ask(made.host, "/a.txt", If_None_Match=tag)
        assert tally.answers == {(FULL, 200): 1, (FAST, 200): 3, (FAST, 304): 1}
        assert tally.sent == 30
        wire.ask(made.host, "/big.bin")
        wire.ask(made.host, "/big.bin", "HEAD")
        wire.ask(made.host, "/big.bin", Range="bytes=0-99")
        missing = wire.ask(made.host, "/missing.js")
        # A streamed response is counted before the next request is answered.
        assert tally.full == {200: 2, 206: 1, 404: 1}
        assert tally.sent == 30 + 300_000 + 100 + len(missing.body)


def test_a_visit_to_an_address_without_an_app_is_counted_for_no_app(edge: RunningEdge) -> None:
    before = edge.edge.recorder.no_app.full.get(404, 0)
    edge.get("nobody.localhost")
    assert edge.edge.recorder.no_app.full[404] == before + 1


def test_the_metrics_count_all_responses_by_status_and_by_app(edge: RunningEdge, app: Make) -> None:
    made = app({"index.html": "home"})
    for _ in range(2):
        edge.get(made.host)
    text = edge.private("/metrics").body.decode()
    assert f'easel_edge_app_answers_total{{app="{made.id}"}} 2.0' in text
    told = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}
    statuses = sum(count for name, count in told.items() if name.startswith("easel_edge_answers_total"))
    paths = sum(count for name, count in told.items() if name.startswith("easel_edge_requests_total"))
    assert statuses == paths == sum(edge.edge.recorder.answers().values())


def test_apps_beyond_the_limit_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easel.edge.recorder._MOST_APPS", 2)
    recorder = Recorder()
    for number in range(5):
        recorder.of(f"app_{number}").answered(200, 10)
    assert {app: tally.sent for app, tally in recorder.apps.items()} == {"app_0": 10, "app_1": 10, OTHERS: 30}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_first_visit_reads_its_file_once(
    edge: RunningEdge, app: Make, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    content = edge.edge.app._content
    read: list[object] = []
    bundle = content.bundle

    async def counted(*of: object) -> memoryview:
        read.append(of)
        return await bundle(*of)  # type: ignore[arg-type]

    monkeypatch.setattr(content, "bundle", counted)
    made = app({"index.html": "home", "a.txt": "0123456789"})
    edge.get(made.host, "/a.txt", method)
    assert edge.get(made.host, "/a.txt").body == b"0123456789"
    assert len(read) == 1
