"""Creates a backup of a running instance, and restores a backup into an empty instance."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psycopg

from easel import __version__, clock
from easel.backups import records
from easel.backups.errors import BackupDamagedError, BackupNotFoundError, BackupTooNewError, NotEmptyError
from easel.backups.models import FORMAT, Index, StoredObject, index_key, object_key, table_key
from easel.backups.objects import CHANGED, MISNAMED, MISSING, each, has_changed, is_named
from easel.deploys.phases import next_job
from easel.places import write_private
from easel.storage.errors import ObjectMissingError
from easel.storage.migrate import knows_schema, migrate
from easel.storage.object_names import hash_in, names_its_content
from easel.storage.objects import ObjectStore
from easel.storage.queue import DEFER

KEPT_FILES = ("secret-key", "api-key")
"""Files of a data folder whose content is not in the database. Without `secret-key`, stored secrets cannot be
decrypted."""

Say = Callable[[str], None]


@dataclass
class BackupResult:
    """The result of a backup: its name, its size, and the objects that could not be read."""

    name: str
    objects: int = 0
    bytes: int = 0
    copied: int = 0
    damaged: list[str] = field(default_factory=list)


async def back_up(
    url: str, objects: ObjectStore, place: ObjectStore, data_dir: Path, *, with_keys: bool, say: Say
) -> BackupResult:
    """Writes a consistent backup of the instance, which may be running, to a folder or bucket (`place`).

    All records are from one moment. Objects never change and are older than the records that refer to them, so copying
    them afterwards is consistent with that moment. Objects of an earlier backup at the place are not copied again. The
    result lists missing or damaged objects. All other objects are in the backup. Raises the store's errors.
    """
    made = BackupResult(name=clock.now().strftime("%Y%m%dT%H%M%S.%fZ"))
    async with records.snapshot(url) as moment:
        schema = await moment.schema()
        say(f"Reading the records (schema version {schema}) …")
        tables = {}
        for table in records.tables():
            tables[table.name], data = await moment.rows(table)
            await place.put(table_key(made.name, table.name), data)
        needed, uploads = await moment.objects()
    # The snapshot ends here, because copying objects may take hours, and no transaction should be open that long.
    stored: dict[str, StoredObject] = {}
    earlier = await _objects_of_last(place)

    async def copy(key: str) -> None:
        if key not in uploads and not is_named(key):
            # No version can be served from an object whose key has a wrong form, so it is not copied. Its key may even
            # be an invalid path.
            made.damaged.append(f"the object `{key}` {MISNAMED}")
            return
        try:
            stored[key] = await _copy_out(objects, place, key, earlier.get(key), made)
        except ObjectMissingError:
            # Objects of deleted apps and pruned versions disappear during the backup, and an upload may never have
            # arrived.
            if key not in uploads and await records.is_needed(url, key):
                made.damaged.append(f"{key} {MISSING}")

    await _each([*needed, *uploads], copy, say)
    files = {name: text for name in KEPT_FILES if with_keys and (text := _read(data_dir / name)) is not None}
    index = Index(FORMAT, __version__, schema, clock.now().isoformat(), tables, stored, files)
    await place.put(index_key(made.name), msgspec.json.encode(index))
    made.objects, made.bytes = len(stored), sum(one.size for one in stored.values())
    return made


async def _copy_out(
    objects: ObjectStore, place: ObjectStore, key: str, earlier: StoredObject | None, made: BackupResult
) -> StoredObject:
    there = await place.head(object_key(key))
    if earlier is not None and (there is None or there.size != earlier.size):
        earlier = None
    etag = None
    if names_its_content(key):
        # An object that was damaged in the last backup is read again. It is reported until somebody repairs it.
        is_new = earlier is None or earlier.sha256 != hash_in(key)
    else:
        # The ETag is queried before the object is read. If the object is replaced in between, the next backup sees a
        # different ETag.
        etag = await _etag(objects, key)
        is_new = earlier is None or etag is None or earlier.etag != etag
    if earlier is not None and not is_new:
        return earlier
    async with objects.pin(key) as pinned:
        sha256 = await pinned.hash()
        if has_changed(key, sha256):
            made.damaged.append(f"{key} {CHANGED}")
        # The backup gets its own copy of the bytes, so that damage to one copy does not affect the other.
        await place.put_file(object_key(key), pinned.path)
        made.copied += 1
        return StoredObject(pinned.size, sha256, etag)


async def _etag(objects: ObjectStore, key: str) -> str | None:
    """Returns the ETag that the store reports for an object. Returns None if the object is missing, or if the store has
    no ETags."""
    found = await objects.head(key)
    return found.etag if found is not None else None


async def choose(place: ObjectStore, *, name: str | None, where: str) -> tuple[str, Index]:
    """Returns the name and the index of the backup `name`, or of the newest backup. Raises BackupNotFoundError,
    BackupDamagedError, BackupTooNewError."""
    chosen = name or await newest(place)
    if chosen is None:
        raise BackupNotFoundError(named="", place=where)
    index = await _index(place, chosen)
    if index is None:
        raise BackupNotFoundError(named=f" {chosen}", place=where)
    if index.format != FORMAT or not knows_schema(index.schema):
        raise BackupTooNewError(found=index.easel, schema=index.schema)
    return chosen, index


async def bring_back(
    url: str, objects: ObjectStore, place: ObjectStore, data_dir: Path, chosen: str, index: Index, *, say: Say
) -> None:
    """Restores the chosen backup into an empty database and store.

    The hash of every object and table is verified before the records are written. One transaction writes them together
    with the jobs of unfinished deploys. Raises BackupDamagedError, NotEmptyError.
    """
    await asyncio.to_thread(migrate, url, index.schema)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        if not await records.is_empty(connection):
            raise NotEmptyError()
    rows = {}
    for table, known in index.tables.items():
        rows[table] = await _checked(place, table_key(chosen, table), known.sha256)
    say(f"Restoring the backup {chosen} of Easel {index.easel} …")

    async def copy(key: str) -> None:
        known = index.objects[key]
        try:
            async with place.pin(object_key(key)) as pinned:
                if (await pinned.hash(), pinned.size) != (known.sha256, known.size):
                    raise BackupDamagedError(what=f"{key} has changed")
                await objects.put_file(key, pinned.path)
        except ObjectMissingError:
            raise BackupDamagedError(what=f"{key} is missing") from None

    await _each(index.objects, copy, say)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await records.put_rows(connection, index.tables, rows)
        for deploy, app, step, built in await records.unfinished(connection):
            await connection.execute(DEFER, next_job(app, deploy, step=step, built=built))
    await asyncio.to_thread(migrate, url)
    for file, text in index.files.items():
        write_private(data_dir / file, text)


async def newest(place: ObjectStore) -> str | None:
    """Returns the name of the newest complete backup in the folder or bucket. Returns None if there is none."""
    names = [info.key.split("/")[1] async for info in place.keys("backups") if info.key.endswith("/index.json")]
    return max(names, default=None)


async def _objects_of_last(place: ObjectStore) -> Mapping[str, StoredObject]:
    name = await newest(place)
    index = await _index(place, name) if name is not None else None
    return index.objects if index is not None else {}


async def _index(place: ObjectStore, name: str) -> Index | None:
    try:
        return msgspec.json.decode(await place.get(index_key(name)), type=Index)
    except ObjectMissingError:
        return None
    except msgspec.MsgspecError as error:
        raise BackupDamagedError(what=f"the index of {name} cannot be read ({error})") from error


async def _checked(place: ObjectStore, key: str, sha256: str) -> bytes:
    try:
        data = await place.get(key)
    except ObjectMissingError:
        raise BackupDamagedError(what=f"{key} is missing") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BackupDamagedError(what=f"{key} has changed")
    return data


async def _each(keys: Collection[str], work: Callable[[str], Awaitable[None]], say: Say) -> None:
    """Calls `work` for each key, a few at the same time, and reports progress. Raises the errors of `work`."""
    done = 0

    async def one(key: str) -> None:
        nonlocal done
        await work(key)
        done += 1
        if done % 200 == 0 or done == len(keys):
            say(f"Objects: {done} of {len(keys)}")

    await each(keys, one)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
