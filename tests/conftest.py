"""What the tests share: one Easel, started the way a user starts it, with real parts."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.running import Platform, RunningApp, make_platform
from bench.stores import moto, rclone

Platforms = Callable[[str], Platform]

DEFAULT_STORE = os.environ.get("EASEL_TEST_STORE", "folder")
"""Where objects are kept in tests that do not say: folder, moto or rclone."""


LONG = (
    "tests/transfer/",
    "tests/system/",
    "tests/conformance/test_fuzzing",
    "tests/storage/test_upgrade",
    "tests/docs/",
)
"""What takes longest begins first, so that nobody waits at the end for one long file."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Orders the files; within one everything stays as it is written."""
    places = {
        item: next((n for n, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG)) for item in items
    }
    items.sort(key=places.__getitem__)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module with `STORES` runs on a platform for each of them."""
    stores = getattr(metafunc.module, "STORES", None)
    if stores is not None and "platform" in metafunc.fixturenames:
        metafunc.parametrize("platform", stores, indirect=True, scope="module")


@pytest.fixture(scope="session")
def platforms() -> Iterator[Platforms]:
    """A platform by where it keeps its objects, started when it is first asked for."""
    with ExitStack() as stack:
        started: dict[str, Platform] = {}

        def start(store: str) -> Platform:
            if store not in started:
                name = stack.enter_context(tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True))
                environment = {}
                if store != "folder":
                    bucket = stack.enter_context(moto() if store == "moto" else rclone(Path(name) / "rclone"))
                    environment = bucket.environment("prefix/of/ours")
                platform = make_platform(Path(name), **environment)
                platform.start()
                stack.callback(platform.stop)
                started[store] = platform
            return started[store]

        yield start


@pytest.fixture(scope="module")
def platform(request: pytest.FixtureRequest, platforms: Platforms) -> Platform:
    """One platform for all tests of a session; they use apps of their own."""
    return platforms(getattr(request, "param", DEFAULT_STORE))


@pytest.fixture
def slug() -> str:
    """A slug that no other test uses."""
    return f"t-{secrets.token_hex(5)}x"


@pytest.fixture
def app(platform: Platform) -> RunningApp:
    """A new app."""
    return RunningApp.create(platform)
