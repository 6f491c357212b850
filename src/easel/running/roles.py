"""Runs the roles, each in its own process: api, worker, builder, edge."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from easel.access.secrets import Vault, load_secret
from easel.connections.listening import bind, not_bound
from easel.places import DataFolderMissingError
from easel.running.garbage import collect_rarely
from easel.running.logs import configure_logging
from easel.running.low_priority import yield_to_others
from easel.running.mappings import run_with_few_pages
from easel.running.several_machines import opens_secrets
from easel.settings import Role, Settings
from easel.storage.disk_reserve import DiskReserve
from easel.storage.embedded import EmbeddedPostgres
from easel.storage.errors import DatabaseUnavailableError
from easel.storage.freshness import FreshnessPage
from easel.storage.objects import ObjectStore
from easel.storage.stores import open_objects

if TYPE_CHECKING:
    from easel.edge.routing.table import AppRoute

logger = logging.getLogger(__name__)

_SWITCH = 0.0005
"""Seconds for which one thread of an api may hold the interpreter. While a thread parses a large body, the default of
five milliseconds would delay each step of a request."""
KEY_REPLACED = "The secret key has changed, so the secrets of all apps must be set again"


def database_url(settings: Settings) -> str:
    """Returns the URL of the operator's database, or of the embedded database, which is started unless it runs."""
    return settings.database_url or EmbeddedPostgres(settings.postgres_dir).start()


@dataclass(frozen=True)
class PreparedDatabase:
    """The result of preparing a database, before the roles start."""

    first_key: str | None
    """The first API key if it was just created, or None."""
    key_replaced: bool
    """True if the instance's secret key has changed (see `recognise_key`)."""


def prepare_database(settings: Settings, url: str) -> PreparedDatabase:
    """Prepares a database for the roles of a single machine. Raises SchemaVersionError, SecretKeyDiffersError."""
    from easel.running.preparing import prepare

    first_key = prepare(settings, url)
    return PreparedDatabase(first_key, key_replaced=opens_secrets(settings) and recognise_key(settings, url))


def prepare_apart(settings: Settings, url: str) -> None:
    """Checks the database that several machines share, for this machine's roles. Raises SchemaVersionError,
    SecretKeyDiffersError."""
    require_schema(url)
    if opens_secrets(settings):
        recognise_key(settings, url)


def require_schema(url: str) -> None:
    """Raises SchemaVersionError unless the database has exactly this release's schema."""
    from easel.storage.migrate import check_schema

    check_schema(url)


def open_store(settings: Settings, *, patience: float = 300, impatience: float | None = None) -> ObjectStore:
    """Opens the object store in the settings. For `patience` and `impatience` (seconds), see `open_objects`."""
    return open_objects(
        settings.objects_url,
        settings.objects_dir,
        settings.scratch_dir,
        patience=patience,
        impatience=impatience,
        reserve=open_reserve(settings),
    )


def check_store(settings: Settings) -> None:
    """Raises StoreUnavailableError if the object store is unreachable."""
    asyncio.run(open_store(settings).check())


def open_reserve(settings: Settings) -> DiskReserve:
    """Returns the reserve of the disk with the data folder, which must stay free."""
    return DiskReserve(settings.data_dir, settings.disk_reserve, settings.ballast)


def open_vault(settings: Settings) -> Vault:
    """Returns the vault, which encrypts secrets with the secret key from the environment or the data folder."""
    if settings.secret_key is not None:
        return Vault(settings.secret_key.get_secret_value())
    return Vault(load_secret(settings.data_dir / "secret-key"))


def recognise_key(settings: Settings, url: str) -> bool:
    """Verifies that all apis of a database use the same secret key. Raises SecretKeyDiffersError for a different key.

    An embedded database is used only by this Easel, so a different key becomes the new key. Returns true in this case.
    """
    from easel.access import instance_key

    vault = open_vault(settings)
    if settings.database_url is None:
        return instance_key.replace(url, vault)
    source = "EASEL_SECRET_KEY" if settings.secret_key is not None else str(settings.data_dir / "secret-key")
    instance_key.recognise(url, vault, source=source)
    return False


def run_role(
    role: Role,
    settings: Settings,
    *,
    checked: bool = False,
    line: socket.socket | None = None,
    ask_for: Callable[[Role], None] | None = None,
) -> None:
    """Runs the role until it is told to stop, or is not needed. Raises the role's errors. In a process of `easel
    serve`, `ask_for` asks the supervisor to run another role."""
    on_demand = ask_for is not None and "builder" in settings.roles and not settings.builders_stand
    if role == "api":
        run_api(settings, checked=checked, line=line)
    elif role == "worker":
        wanted = partial(ask_for, "builder") if ask_for is not None and on_demand else None
        run_worker(settings, checked=checked, builds_wait=wanted)
    elif role == "builder":
        run_builder(settings, checked=checked, idle=settings.builder_idle if on_demand else None)
    else:
        run_edge(settings, checked=checked)


def run_api(settings: Settings, *, checked: bool = False, line: socket.socket | None = None) -> None:
    """Serves the API until told to stop. The api's lane (its second process) is forked through the socket `line`, if
    there is one. Raises SchemaVersionError and SecretKeyDiffersError, unless the caller has `checked` for both."""
    url = _prepare(settings, "api", checked)
    sys.setswitchinterval(_SWITCH)

    import uvicorn
    from prometheus_client import REGISTRY

    from easel.api.application import make_application, make_services
    from easel.api.health import Health
    from easel.api.lane.client import Lane
    from easel.api.protocol import ApiProtocol
    from easel.api.server import ApiServer
    from easel.connections.private import PrivateApp, private_port
    from easel.running.lane import start_of
    from easel.storage.disk_metrics import DiskCollector

    # Requests wait for the api, so only the hashing of whole bundles may take long in it.
    objects = open_store(settings, impatience=15)
    if not checked and recognise_key(settings, url):
        logger.warning(KEY_REPLACED)
    lane = Lane(start_of(settings, url, line))
    services = make_services(settings, url, objects, open_vault(settings), lane=lane)
    # A role that runs alone stops the embedded database at its end, unless another process is connected. The permanent
    # connection of the listener prevents that.
    services.followers.always = line is None
    app = make_application(services)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=ApiProtocol,
        ws="none",
        lifespan="on",
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=15,
    )
    REGISTRY.register(DiskCollector(objects.reserve))
    sockets = [bind(settings.api_host, settings.api_port, shared=settings.api_processes > 1)]
    private = _private(settings, "api", shared=settings.api_processes > 1)
    health: Health = app.state.health

    async def serve() -> None:
        collect_rarely()
        async with private_port(PrivateApp(health.metrics, health.readiness), private):
            await ApiServer(config).serve(sockets=sockets)

    _run(serve())


def run_worker(settings: Settings, *, checked: bool = False, builds_wait: Callable[[], None] | None = None) -> None:
    """Runs deploys and background jobs until told to stop. Raises SchemaVersionError, unless the caller has `checked`
    the schema. Calls `builds_wait`, if given, while a build waits for a builder."""
    url = _prepare(settings, "worker", checked)

    from prometheus_client import REGISTRY

    from easel.storage.database import Database
    from easel.storage.disk_metrics import DiskCollector
    from easel.storage.queue import Queue
    from easel.worker.worker import DeployWorker

    REGISTRY.register(DiskCollector(open_reserve(settings)))
    _serve_metrics(settings, "worker")

    async def work() -> None:
        page = FreshnessPage(settings.run_dir / "freshness")
        database = Database(url, page=page, pool_size=worker_pool(settings))
        worker = DeployWorker(settings, database, open_store(settings), Queue(), builds_wait)
        loop = asyncio.get_running_loop()
        # Large bundles could occupy every thread of the default executor, because it has only a few more threads than
        # the machine has cores.
        loop.set_default_executor(ThreadPoolExecutor(3 * settings.worker_concurrency + 8, "step"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        try:
            await worker.run()
        finally:
            await database.close()

    _run(work())


def worker_pool(settings: Settings) -> int:
    """Returns the number of database connections in a worker's pool."""
    return settings.worker_concurrency + 2


def run_builder(settings: Settings, *, checked: bool = False, idle: float | None = None) -> None:
    """Builds sources until told to stop, or until no build has come for `idle` seconds. Raises SchemaVersionError and
    SecretKeyDiffersError, unless the caller has just `checked` for both."""
    url = _prepare(settings, "builder", checked)
    if not checked and recognise_key(settings, url):
        logger.warning(KEY_REPLACED)
    # The lower priority must not apply to the embedded database, which `_prepare` may have started. It must apply to
    # all threads of the builder, which inherit it.
    yield_to_others()

    from easel.storage.database import Database
    from easel.worker.builder import Builder

    _serve_metrics(settings, "builder")

    async def work() -> None:
        database = Database(url, pool_size=2)
        builder = Builder(settings, database, open_store(settings), open_vault(settings))
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(4, "build"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, builder.stop)
        try:
            await builder.run(idle)
        finally:
            await database.close()

    _run(work())


def _serve_metrics(settings: Settings, role: Role) -> None:
    """Serves the metrics of a process that has no other port. Raises PortTakenError and other errors of the port."""
    from prometheus_client import start_http_server

    port = settings.metrics_port(role)
    if port is not None:
        try:
            start_http_server(port, addr=settings.metrics_host)
        except OSError as error:
            raise not_bound(settings.metrics_host, port, settings.metrics_variable(role), error) from None


def knows_routes(settings: Settings, url: str) -> bool:
    """Returns true if an edge of this machine can start without the database at the URL, because its saved routes are
    recent enough."""
    from easel.edge.routing.saved_routes import SavedRoutes

    confirmed = SavedRoutes(settings.edge_dir, url).confirmed()
    # A time in the future was written with a wrong clock, so it does not show that the routes are recent.
    return confirmed is not None and abs(time.time() - confirmed) < settings.edge_routes_kept


def _known_routes(settings: Settings, url: str) -> dict[str, AppRoute] | None:
    from easel.edge.routing.saved_routes import SavedRoutes

    return SavedRoutes(settings.edge_dir, url).load() if knows_routes(settings, url) else None


def run_edge(settings: Settings, *, checked: bool = False) -> None:
    """Serves visitors until told to stop. While the database is unreachable, uses the routes saved on this machine.
    Raises SchemaVersionError, and DatabaseUnavailableError if no routes are saved. If `checked` is true, the caller has
    ruled out both errors."""
    known, check = None, None
    try:
        url = _prepare(settings, "edge", checked)
    except DatabaseUnavailableError as error:
        url = database_url(settings)
        check = partial(require_schema, url)
        known = _known_routes(settings, url)
        if known is None:
            raise
        logger.warning("Serving the last known state of %d apps until the database responds. %s", len(known), error)

    from easel.edge.server import serve_edge

    page = FreshnessPage(settings.run_dir / "freshness")
    sockets = [bind(settings.edge_host, settings.edge_port, shared=settings.edge_processes > 1)]
    private = _private(settings, "edge", shared=settings.edge_processes > 1)
    # Visitors wait for the object store for a shorter time than deploys.
    _run(serve_edge(settings, url, open_store(settings, patience=15), page, sockets, private, known, check))


def _private(settings: Settings, role: Role, *, shared: bool) -> socket.socket | None:
    """Returns the private port of a process (for metrics). `easel serve` assigns a port to each of several processes.
    Processes that are started separately share the private port, as they share the public port."""
    port = settings.metrics_port(role)
    if port is None:
        return None
    return bind(settings.metrics_host, port, shared=shared, option=settings.metrics_variable(role))


def _prepare(settings: Settings, role: str, checked: bool) -> str:
    """Opens the database of a role, and verifies its schema before the role's own modules are imported."""
    configure_logging(settings.log_level, role)
    # Every connection and every cached object takes a descriptor. Only `select` needs the usual limit of 1,024.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard and hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if settings.database_url is None and not EmbeddedPostgres(settings.postgres_dir).exists:
        raise DataFolderMissingError(folder=str(settings.data_dir))
    url = database_url(settings)
    # The check needs a connection, which would copy a few mebibytes of shared memory into each process.
    if not checked:
        require_schema(url)
    return url


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_with_few_pages(coroutine))
