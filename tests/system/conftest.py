"""A platform that tests may kill, stop and cut off."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.running import Platform, free_port, make_platform


@pytest.fixture(scope="session")
def mistreated() -> Iterator[Platform]:
    """The platform, not started yet."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        platform = make_platform(Path(folder), EASEL_WORKER_METRICS_PORT=str(free_port()))
        yield platform
        if platform.process is not None and platform.process.poll() is None:
            platform.stop()
        platform.stop_database()


@pytest.fixture
def own(mistreated: Platform) -> Platform:
    """The platform, running, whatever the test before did to it."""
    if mistreated.process is None or mistreated.process.poll() is not None:
        mistreated.start()
    return mistreated
