"""The shared fixtures of the tests: one Easel, with real parts."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from easel.storage.migrate import migrate
from easel.storage.queue import DEPLOYS
from easel.worker.jobs.connection import queue_app
from testbed.databases import Migrated
from testbed.running import Platform, RunningApp, forked_platform, free_port
from testbed.stores import Bucket, moto, rclone
from tests.apart import Apart, own_database
from tests.azurite import AZURITE, AzuriteUnavailable, Container, azurite
from tests.world import World

# A slow machine fails no test, and chance neither: `--hypothesis-profile=random` looks for new examples.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", patient, print_blob=True)
settings.register_profile("repeatable", patient, derandomize=True)
settings.load_profile("repeatable")

# A shell starts commands in the background with Ctrl-C ignored, and processes pass this on to the processes they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Platforms = Callable[[str], Platform]

DEFAULT_STORE = os.environ.get("EASEL_TEST_STORE", "folder")
"""The default store of tests: folder, moto, rclone or azurite."""
APART = os.environ.get("EASEL_TEST_PARTS") == "apart"
"""True if the platform consists of separately started roles with a separate PostgreSQL, instead of one `easel
serve`."""


LONG = (
    "tests/system/test_",
    "tests/docs/test_operations_apart",
    "tests/builds/sandbox/test_limits",
    "tests/deploys/test_deploys",
    "tests/docs/test_readme",
    "tests/docs/test_operations.py",
    "tests/backups/test_backup",
    "tests/edge/test_feed",
    "tests/conformance/test_fuzzing",
    "tests/edge/test_connections",
    "tests/api/test_lane",
    "tests/cli/commands/test_builds",
    "tests/cli/test_places",
    "tests/builds/sandbox/",
    "tests/access/test_secret_key",
    "tests/cli/commands/test_commands",
    "tests/storage/",
)
"""The longest files begin first, together with the files that share a process with them, so that no process waits at
the end. Files that mostly wait are between files that work, so that the processors are busy throughout."""

TOGETHER = {
    "tests/system/test_chaos": "two machines",
    "tests/system/test_machines": "two machines",
    "tests/system/test_operations": "two machines",
    "tests/system/test_releases": "two machines",
    "tests/system/test_edges": "two machines",
    "tests/system/test_bad_input": "two machines",
    "tests/system/test_clock_skew": "two machines",
    "tests/docs/test_readme": "the published client",
    "tests/conformance/test_client": "the published client",
    "tests/uploads/test_azure": "the published client",
    "tests/uploads/test_uploads": "the published client",
    "tests/browser/test_uploads": "every store",
    "tests/docs/test_operations_apart": "every store",
    "tests/deploys/test_deploys": "every store",
    "tests/environments/test_pointers": "every store",
    "tests/uploads/test_buckets": "every store",
    "tests/versions/test_versions": "every store",
}
"""Prefixes of the names of files that need the same costly resources. One process runs these files."""


SYSTEM = ("tests/system/", "tests/backups/test_backup", "tests/docs/test_operations", "tests/storage/test_upgrade")
"""Tests of installations whose machines, databases and stores are killed, disconnected, lost, restored and upgraded:
`make test-system`."""


SERVED_BY = frozenset({"platform", "platforms", "world", "app", "crowd", "person", "container", "shared"})
"""Fixtures that start a server."""
STARTS = frozenset(
    {"make_platform", "moto", "rclone", "serving", "debian_postgres", "EmbeddedPostgres", "migrate", "subprocess"}
)
"""Names that a module imports to start servers or programs itself."""
SERVED = (
    "tests/backups/",
    "tests/browser/",
    "tests/conformance/",
    "tests/docs/",
    "tests/edge/",
    "tests/system/",
)
"""Folders in which every test needs running servers."""
ALL_OF_A_KIND = {"server": SERVED, "browser": ("tests/browser/",), "system": ("tests/system/",)}
"""Folders in which every test has the marker."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skips these folders in a run without their tests, because every process of the run would import them for
    nothing."""
    path, run = f"{collection_path}/", config.option.markexpr
    skipped = (f"not {marker}" in run and path.endswith(folders) for marker, folders in ALL_OF_A_KIND.items())
    return True if any(skipped) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collects the tests without garbage collection, and exempts them from it, because they live until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def needs_a_server(item: pytest.Item) -> bool:
    """Returns true if the test starts a server or a program, or needs a running server."""
    return (
        item.nodeid.startswith(SERVED)
        or not SERVED_BY.isdisjoint(getattr(item, "fixturenames", ()))
        or not STARTS.isdisjoint(vars(getattr(item, "module", None) or object))
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need a server or belong to a lane (a part of the tests with its own command), and orders the
    files. The order inside a file stays."""
    for item in items:
        if needs_a_server(item):
            item.add_marker("server")
        if item.nodeid.startswith(SYSTEM):
            item.add_marker("system")
    order = (*LONG, *TOGETHER)
    items.sort(key=lambda item: next((n for n, name in enumerate(order) if item.nodeid.startswith(name)), len(order)))


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Gives each process whole files, and some files together."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((group for name, group in TOGETHER.items() if file.startswith(name)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Returns the distribution of the tests to the processes."""
    return ByFile(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a module with `STORES` on a platform for each of the stores."""
    stores = getattr(metafunc.module, "STORES", None)
    if stores is not None and "platform" in metafunc.fixturenames:
        named = [AZURITE if store == "azurite" else store for store in stores]
        metafunc.parametrize("platform", named, indirect=True, scope="module")


@pytest.fixture(scope="session")
def container() -> Iterator[Callable[[], Container]]:
    """Yields a container on Azurite, started on first use. Each user takes a separate prefix."""
    with ExitStack() as stack:
        made: list[Container | AzuriteUnavailable] = []

        def start() -> Container:
            if not made:
                try:
                    made.append(stack.enter_context(azurite()))
                except AzuriteUnavailable as error:
                    made.append(error)
            if isinstance(made[0], AzuriteUnavailable):
                pytest.skip(str(made[0]))
            return made[0]

        yield start


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Migrated:
    """Returns the data of a database with Easel's schema. The processes of a run share it."""
    own = tmp_path_factory.getbasetemp()
    return Migrated(own if worker_id == "master" else own.parent)


@pytest.fixture(scope="session")
def platforms(container: Callable[[], Container], migrated: Migrated) -> Iterator[Platforms]:
    """Yields a platform for each kind of store, started on first use."""
    with ExitStack() as stack:
        started: dict[str, Platform] = {}

        def start(store: str) -> Platform:
            if store not in started:
                name = stack.enter_context(tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True))
                environment = {} if APART else {"EASEL_WORKER_METRICS_PORT": str(free_port())}
                if store != "folder":
                    bucket: Bucket | Container
                    if store == "azurite":
                        bucket = container()
                    else:
                        bucket = stack.enter_context(moto() if store == "moto" else rclone(Path(name) / "rclone"))
                    environment |= bucket.environment("prefix/of/ours")
                platform = forked_platform(Path(name), **environment)
                if APART:
                    url = stack.enter_context(own_database(Path(name) / "database"))
                    environment = {**platform.environment, "EASEL_DATABASE_URL": url}
                    platform = Apart(platform.data_dir, platform.api_port, platform.edge_port, environment)
                else:
                    migrated.copy_to(platform.data_dir / "postgres")
                platform.start()
                stack.callback(platform.stop)
                started[store] = platform
            return started[store]

        yield start


@pytest.fixture(scope="module")
def platform(request: pytest.FixtureRequest, platforms: Platforms) -> Platform:
    """Returns one platform for all tests of a session. Each test uses separate apps."""
    return platforms(getattr(request, "param", DEFAULT_STORE))


@pytest.fixture(scope="session")
def world(migrated: Migrated) -> Iterator[World]:
    """Yields the services with their own database and store. Each test uses separate apps."""
    with tempfile.TemporaryDirectory(prefix="easel-", ignore_cleanup_errors=True) as folder:
        made = World(Path(folder, "data"), migrated)
        yield made
        made.close()


@pytest.fixture
def slug() -> str:
    """Returns a slug that no other test uses."""
    return f"t-{secrets.token_hex(5)}x"


@pytest.fixture
def app(platform: Platform) -> RunningApp:
    """Returns a new app."""
    return RunningApp.create(platform)


@pytest.fixture
async def crowd(platform: Platform) -> AsyncIterator[str]:
    """Yields a separate database, in which three apps of one organisation and one app of another organisation have two
    waiting deploys each."""
    at = urlsplit(platform.database_url)
    url = at._replace(path="/crowd").geturl()
    with platform.database() as connection:
        # The migrations take longer than most of these tests, so each database is a copy of a database that has the
        # schema.
        if connection.execute("select 1 from pg_database where datname = 'schema'").fetchone() is None:
            connection.execute("create database half")
            await asyncio.to_thread(migrate, at._replace(path="/half").geturl())
            connection.execute("alter database half rename to schema")
        connection.execute("create database crowd template schema")
    async with (app := queue_app(url)).open_async():
        for number, organisation in enumerate(["big", "big", "big", "small"]):
            await app.connector.execute_query_async(
                "insert into organisation (id, name, created_at) values (%(org)s, 'x', now()) on conflict do nothing",
                org=organisation,
            )
            named = {"app": f"app_{number}", "org": organisation}
            await app.connector.execute_query_async(
                "insert into app (id, org_id, slug, is_active, draft, published, last_version, last_sequence,"
                " created_at, updated_at) values (%(app)s, %(org)s, %(app)s, true, '{}', '{}', 0, 0, now(), now())",
                **named,
            )
            for deploy in (1, 2):
                deploy_id = f"dep_{number}_{deploy}"
                await app.connector.execute_query_async(
                    "insert into deploy (id, org_id, app_id, sequence, environment, source, message, queued_by,"
                    " queued_at, status, attempt, warnings, timings) values (%(id)s, %(org)s, %(app)s, %(number)s,"
                    " 'production', 'cli_upload', 'm', 'x', now(), 'queued', 0, '[]', '{}')",
                    id=deploy_id,
                    number=deploy,
                    **named,
                )
                job = app.configure_task("a deploy", queue=DEPLOYS, lock=named["app"], allow_unknown=True)
                await job.defer_async(deploy_id=deploy_id)
    yield url
    with platform.database() as connection:
        connection.execute("drop database crowd (force)")
