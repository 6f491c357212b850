"""What the tests share: one Easel, started the way a user starts it, with real parts."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.running import Platform, RunningApp, make_platform


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """One platform for all tests of a session; they use apps of their own."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        running = make_platform(Path(folder))
        running.start()
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture
def slug() -> str:
    """A slug that no other test uses."""
    return f"t-{secrets.token_hex(5)}x"


@pytest.fixture
def app(platform: Platform) -> RunningApp:
    """A new app."""
    return RunningApp.create(platform)
