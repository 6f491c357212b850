"""Bodies of some kibibytes, which the system sends from files in memory: complete, in order, and without a leak."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable

import pytest

from easel.edge.fast.prepared import COPIED_SMALLEST, PREPARED_LARGEST
from testbed.waiting import until
from tests.edge.running import App, RunningEdge, request, unread

Make = Callable[..., App]
SIZES = (COPIED_SMALLEST - 1, COPIED_SMALLEST, 20 * 1024, PREPARED_LARGEST, PREPARED_LARGEST + 1)
FILES = {f"{size}.bin": random.Random(size).randbytes(size) for size in SIZES}
AGENT = {"User-Agent": "x" * 300}
"""With this header, a head is too long for a stamped response."""


@pytest.mark.parametrize("headers", [{}, AGENT], ids=["short", "long"])
@pytest.mark.parametrize("stored", [True, False])
def test_bodies_of_all_sizes_arrive_complete(
    edge: RunningEdge, app: Make, stored: bool, headers: dict[str, str]
) -> None:
    made = app()
    made.deploy({"index.html": "home", **FILES}, stored=stored)
    with edge.connect() as wire:
        for _ in range(6):
            for name, content in FILES.items():
                assert wire.ask(made.host, f"/{name}", **headers).body == content
                assert wire.ask(made.host, f"/{name}", "HEAD", **headers)["content-length"] == str(len(content))


@pytest.mark.parametrize("headers", [{}, AGENT], ids=["short", "long"])
def test_a_client_that_reads_late_gets_all_bodies_in_order(
    edge: RunningEdge, app: Make, headers: dict[str, str]
) -> None:
    made = app({"index.html": "home", "small.txt": "small", **FILES})
    names = [f"{SIZES[2]}.bin", "small.txt", f"{SIZES[3]}.bin", f"{SIZES[1]}.bin"]
    wanted = {**FILES, "small.txt": b"small"}
    with edge.connect() as wire:
        for name in names * 4:
            wire.ask(made.host, f"/{name}", **headers)
    with unread(edge) as wire:
        before = edge.fast()
        for name in names * 25:
            wire.send(request(made.host, f"/{name}", **headers))
        until(lambda: edge.fast() > before)
        for name in names * 25:
            assert wire.reply().body == wanted[name]


def test_connections_and_evicted_bodies_leave_no_descriptor_open(own_edge: Callable[..., RunningEdge]) -> None:
    edge = own_edge()
    mappings = edge.edge.content._mappings

    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    edge.app("before", {"index.html": "home", **FILES})
    edge.get("before.localhost", f"/{SIZES[2]}.bin")
    opened, bodies = descriptors(), len(mappings._open)
    made = edge.app("after", {"index.html": "home", **FILES})
    for _ in range(10):
        for name, content in FILES.items():
            assert edge.get(made.host, f"/{name}").body == content
    assert len(mappings._open) > bodies
    made.delete()
    assert edge.get(made.host).status == 404
    until(lambda: len(mappings._open) - bodies <= 2)
    # The store's mapping of the bundle stays.
    until(lambda: descriptors() - opened <= 4)


def test_without_free_descriptors_bodies_are_sent_from_memory(
    edge: RunningEdge, app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.edge.content._mappings, "_most_open", 0)
    made = app({"index.html": "home", **FILES})
    with edge.connect() as wire:
        for _ in range(6):
            for name, content in FILES.items():
                assert wire.ask(made.host, f"/{name}").body == content
