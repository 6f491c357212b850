"""An edge reports the memory of its caches, which stays within the limit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from tests.edge import weighing
from tests.edge.running import RunningEdge


def test_the_memory_that_an_edge_counts_is_its_real_memory_whatever_apps_it_serves() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.edge.weighing"], capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["said"] > 100_000_000
    assert 0.85 < found["said"] / found["grown"] < 1.15, found


def test_all_evictable_content_stays_within_the_budget(own_edge: Callable[..., RunningEdge]) -> None:
    edge = own_edge(edge_cache_bytes=4 << 20)
    for fill in (weighing.versions, weighing.requests, weighing.earlier):
        fill(edge)
        said = weighing.said(edge)
        assert sum(size for kind, size in said.items() if kind != "routes") <= 4 << 20, said
    # Routes cannot be evicted, and are reported separately.
    assert said["routes"] > 2_000_000
    assert edge.get("asked.localhost", "/a.txt").body == b"a"


def test_an_apps_variables_are_held_once_for_all_versions(own_edge: Callable[..., RunningEdge]) -> None:
    edge = own_edge()
    app = edge.app("app", variables=weighing.variables(60_000, 1))
    for _ in range(20):
        app.deploy({"index.html": "<p>", "a.txt": "a"})
    edge.get(app.host, "/a.txt")
    before = edge.edge.sites.total
    for number in range(1, 21):
        assert edge.get(f"v{number}-{app.host}", "/a.txt").status == 200
    assert edge.edge.sites.total - before < 20 * 6_000
