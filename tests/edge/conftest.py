"""Edges for the tests of the edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.edge.running import App, Files, RunningEdge


@pytest.fixture(scope="session")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEdge]:
    """Yields one edge for all tests that need only an app."""
    running = RunningEdge(tmp_path_factory.mktemp("edge"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_edge(tmp_path: Path) -> Iterator[Callable[..., RunningEdge]]:
    """Yields a function that makes edges with other settings."""
    made: list[RunningEdge] = []

    def make(**settings: object) -> RunningEdge:
        running = RunningEdge(tmp_path / str(len(made)), **settings)
        made.append(running)
        running.start()
        return running

    yield make
    for running in made:
        running.stop()


_numbers = count(1)


@pytest.fixture
def app(edge: RunningEdge) -> Callable[..., App]:
    """Returns a function that makes apps, each with its own slug. The files are version 1 in production."""

    def make(files: Files | None = None, **options: object) -> App:
        return edge.app(f"app-{next(_numbers)}", files, **options)

    return make
