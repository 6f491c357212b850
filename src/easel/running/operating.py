"""Operators' commands for an installation, which may be running: backups, audits, migrations, new organisations."""

from __future__ import annotations

import asyncio
import atexit
import getpass
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from easel.errors import EaselError
from easel.places import DataFolderMissingError, lock_data_dir
from easel.running.roles import open_reserve, open_vault, require_schema
from easel.running.several_machines import require_shared
from easel.settings import Settings
from easel.storage.disk_reserve import DiskReserve
from easel.storage.embedded import EmbeddedPostgres
from easel.storage.errors import ObjectsUrlInvalidError
from easel.storage.objects import ObjectStore
from easel.storage.stores import open_objects

if TYPE_CHECKING:
    from easel.backups.audit import AuditResult, Fault
    from easel.backups.models import Index
    from easel.backups.service import BackupResult


@contextmanager
def database_beside(settings: Settings, *, create: bool = False) -> Iterator[str]:
    """Yields the URL of the database for one command: the operator's database, or the database in the data folder. The
    database in the data folder is started if it does not run, and then stopped at the end. Raises
    DataFolderMissingError if there is no data folder and `create` is false. Raises RolesApartError."""
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


def create_organisation_with_key(settings: Settings, name: str) -> str:
    """Creates an organisation, and returns the secret of its first API key. Raises DataFolderMissingError,
    SchemaVersionError."""
    import easel.apps.models  # noqa: F401 (keys refer to apps)
    from easel.access import service
    from easel.storage.database import Database
    from easel.storage.migrate import check_schema

    async def found(url: str) -> str:
        database = Database(url)
        try:
            async with database.transaction() as work:
                return await service.create_organisation_with_key(work, name)
        finally:
            await database.close()

    with database_beside(settings) as url:
        check_schema(url)
        return asyncio.run(found(url))


def back_up(settings: Settings, place: str, *, with_keys: bool, say: Callable[[str], None]) -> BackupResult:
    """Writes a backup to a folder or a bucket's URL. Raises DataFolderMissingError, SchemaVersionError."""
    from easel.backups import service
    from easel.storage.migrate import check_schema

    with database_beside(settings) as url:
        check_schema(url)
        objects, kept = _open_aside(settings), _open_place(place, settings)
        return asyncio.run(service.back_up(url, objects, kept, settings.data_dir, with_keys=with_keys, say=say))


def verify(
    settings: Settings, *, app: str | None, say: Callable[[str], None], found: Callable[[Fault], None]
) -> AuditResult:
    """Verifies the objects that the database refers to, or only the objects of one app (slug or id). `found` is called
    at once for each fault.

    Raises DataFolderMissingError, SchemaVersionError, AppUnknownError, DatabaseUnavailableError, StoreUnavailableError.
    """
    from easel.backups import audit as verifying
    from easel.storage.migrate import check_schema

    with database_beside(settings) as url:
        check_schema(url)
        # The command stores nothing, so it can use the scratch folder of the running servers.
        objects = open_objects(settings.objects_url, settings.objects_dir, settings.scratch_dir)
        return asyncio.run(verifying.verify(url, objects, named=app, say=say, found=found))


def bring_back(settings: Settings, place: str, *, name: str | None, say: Callable[[str], None]) -> Index:
    """Restores the backup `name` (or the newest) from `place` into an empty instance that does not run. Raises the
    errors of `easel.backups`, DataDirInUseError."""
    from easel.backups import service

    kept = _open_place(place, settings, create=False)
    with lock_data_dir(settings.data_dir):
        # The backup is chosen first, so that no database is created if there is no backup.
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
    """Backups cannot be stored at `{place}`, because Easel cannot open this object store ({reason}). Pass a folder, or
    an address like `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`."""

    status = 400
    code = "place_unusable"


def _open_place(place: str, settings: Settings, *, create: bool = True) -> ObjectStore:
    """Opens the folder or bucket with the backups. With `create`, a missing folder is created. Raises
    PlaceUnusableError, BackupNotFoundError. For a URL, also raises PlaceUrlInvalidError, EndpointWithoutTlsError."""
    from easel.backups.errors import BackupNotFoundError

    if "://" in place:
        try:
            return open_objects(place, Path(), _own_scratch(None))
        except ObjectsUrlInvalidError as error:
            raise PlaceUrlInvalidError(place=place, reason=error.details["reason"]) from error
    try:
        if not create and not Path(place).exists():
            raise BackupNotFoundError(named="", place=place)
        reserve = DiskReserve(Path(place), settings.disk_reserve, settings.ballast)
        return open_objects(None, Path(place), Path(place) / ".scratch", reserve=reserve)
    except OSError as error:
        raise PlaceUnusableError(place=place, user=getpass.getuser(), reason=error.strerror) from error


def _open_aside(settings: Settings) -> ObjectStore:
    """Opens the object store for a command, with a scratch folder of its own, so that no running server mistakes the
    command's files for files of a killed server."""
    settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    scratch = _own_scratch(settings.scratch_dir)
    return open_objects(settings.objects_url, settings.objects_dir, scratch, reserve=open_reserve(settings))


def _own_scratch(folder: Path | None) -> Path:
    """Creates a scratch folder for this process inside `folder` (None means the system's folder for temporary files).
    It is removed when the process ends."""
    made = Path(tempfile.mkdtemp(prefix="easel-", dir=folder))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def migrate_database(settings: Settings) -> None:
    """Upgrades the database of the installation to this release's schema. Raises DataFolderMissingError,
    SchemaVersionError."""
    from easel.storage.migrate import migrate

    with database_beside(settings) as url:
        migrate(url)


def replace_key(settings: Settings) -> None:
    """Makes this machine's secret key the key of the installation, after the former key was lost. Raises
    DataFolderMissingError, SchemaVersionError, RolesApartError."""
    from easel.access import instance_key

    require_shared(settings, with_secret=True)
    with database_beside(settings) as url:
        require_schema(url)
        instance_key.replace(url, open_vault(settings))
