"""Saves routes on disk, so that an edge can start while the database is unreachable."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

import msgspec
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from easel.edge.routing.table import AppRoute, EnvironmentRoute, RouteTable
from easel.files import lock_file
from easel.serving.published import FORM
from easel.storage.disk_reserve import DiskReserve
from easel.storage.errors import StorageFullError

logger = logging.getLogger(__name__)

BATCH = 1000
"""Number of apps saved at a time. Visitors are served in between."""
CONFIRMED_EVERY = 30.0
"""Seconds between two updates of the time at which the saved routes were last known to be current."""
PAUSE = 5.0
"""Seconds until a retry after a full disk, or while another process saves to the same file."""

_SCHEMA = (
    "create table if not exists route (app_id text primary key, generation integer not null, route blob not null)",
    "create table if not exists note (name text primary key, value text not null)",
)
_PUT = """
insert into route (app_id, generation, route) values (?, ?, ?)
    on conflict (app_id) do update set generation = excluded.generation, route = excluded.route
"""
_NOTE = "insert into note (name, value) values (?, ?) on conflict (name) do update set value = excluded.value"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AppRoute).decode


def _of(database_url: str) -> str:
    """Returns a digest that identifies the database at this URL, together with the format in which this release saves
    routes."""
    parts = {one.keyword.decode(): one.val.decode() for one in pq.Conninfo.get_defaults() if one.val is not None}
    # The environment supplies missing parts of the URL (PGHOST, for example). A missing database name is the user's
    # name.
    parts |= {name: str(value) for name, value in conninfo_to_dict(database_url).items()}
    parts.setdefault("dbname", parts.get("user", ""))
    place = [parts.get(name, "") for name in ("service", "host", "hostaddr", "port", "dbname")]
    form = [field.name for kind in (AppRoute, EnvironmentRoute) for field in msgspec.structs.fields(kind)]
    return hashlib.sha256("\n".join([*place, *form, str(FORM)]).encode()).hexdigest()


class OvertakenError(sqlite3.OperationalError):
    """Another process has begun to write the file of saved routes, so this process must stop writing."""


class SavedRoutes:
    """The file with the routes of one database, which all edges of a machine share. A damaged file is created anew."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._path = folder / "routes.sqlite"
        self._uri = f"file:{quote(str(self._path))}"
        self._owner = _of(database_url)

    def confirmed(self) -> float | None:
        """Returns the time (unix seconds) at which the saved routes last matched the database. Returns None if no
        routes are saved, or if they cannot be read."""
        if not self._path.exists():
            return None
        try:
            with closing(self._opened()) as connection:
                notes = dict(connection.execute("select name, value from note").fetchall())
                return float(notes["confirmed"]) if notes.get("owner") == self._owner else None
        except (sqlite3.Error, OSError, ValueError, KeyError) as error:
            logger.warning("the saved routes cannot be read: %s", error)
            return None

    def load(self) -> dict[str, AppRoute] | None:
        """Returns the saved routes by app id. Returns None if they cannot be read."""
        try:
            with closing(self._opened()) as connection:
                connection.execute("begin")
                generations = connection.execute("select distinct generation from route").fetchall()
                apps: dict[str, AppRoute] = {}
                # If two apps have the same slug, the row that was written later is right. Sorting all rows in one query
                # would take as much disk space as the rows themselves.
                for generation in sorted(generations):
                    rows = connection.execute(
                        "select app_id, route from route where generation = ? order by rowid", generation
                    )
                    apps.update((app_id, _decode(route)) for app_id, route in rows)
                return apps
        except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
            logger.warning("the saved routes cannot be read: %s", error)
            return None

    def begin(self) -> int:
        """Opens the file of saved routes for writing. Returns the number of the generation, which later calls pass, so
        that only the last opener can write. Raises sqlite3.Error, OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._begin()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return self._begin()

    def _begin(self) -> int:
        # The file contains public variables, but other users of this machine need not see them.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        with self._writing() as connection:
            for statement in _SCHEMA:
                connection.execute(statement)
            notes = dict(connection.execute("select name, value from note").fetchall())
            (latest,) = connection.execute("select coalesce(max(generation), 0) from route").fetchone()
            generation = max(int(latest), int(notes.get("generation", 0))) + 1
            if notes.get("owner") != self._owner:
                connection.execute("delete from route")
                connection.execute("delete from note")
                connection.execute(_NOTE, ("owner", self._owner))
            connection.execute(_NOTE, ("generation", str(generation)))
            return generation

    def write(self, apps: Sequence[tuple[str, AppRoute | None]], generation: int) -> None:
        """Saves the current state of these apps (pairs of app id and route). If the route is None, the app is deleted.
        Raises OvertakenError, OSError and other errors of sqlite3.Error."""
        with self._writing(generation) as connection:
            connection.executemany("delete from route where app_id = ?", [(one,) for one, app in apps if app is None])
            connection.executemany(_PUT, [(one, generation, _encode(app)) for one, app in apps if app is not None])

    def confirm(self, at: float, generation: int, *, whole: bool) -> None:
        """Records the time `at` (unix seconds) at which the saved routes matched the database. If `whole` is true, this
        generation has written all routes, and rows of older generations are removed. Raises OvertakenError,
        sqlite3.Error, OSError."""
        with self._writing(generation) as connection:
            if whole:
                connection.execute("delete from route where generation < ?", (generation,))
            connection.execute(_NOTE, ("confirmed", str(at)))

    @contextmanager
    def _writing(self, generation: int | None = None) -> Iterator[sqlite3.Connection]:
        """Opens a transaction. Raises OvertakenError if another process has begun a later generation. Removes a damaged
        file, which `begin` then creates anew."""
        try:
            with closing(self._connect()) as connection, connection:
                connection.execute("begin immediate")
                if generation is not None:
                    notes = dict(connection.execute("select name, value from note").fetchall())
                    if (notes.get("owner"), notes.get("generation")) != (self._owner, str(generation)):
                        raise OvertakenError("another process writes to the same file")
                yield connection
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            for left in self._path.parent.glob(f"{self._path.name}*"):
                left.unlink(missing_ok=True)
            raise

    def _opened(self) -> sqlite3.Connection:
        """Returns a connection for reading, even if the disk is full. Raises sqlite3.Error, OSError."""
        try:
            return self._connect()
        except sqlite3.OperationalError:
            # Opening may fail because SQLite needs disk space for its side files. They matter only during a write, or
            # if they contain the latest changes.
            beside = self._path.with_name(f"{self._path.name}-wal")
            if beside.exists() and beside.stat().st_size:
                raise
            return sqlite3.connect(f"{self._uri}?immutable=1", uri=True)

    def _connect(self) -> sqlite3.Connection:
        # Reading never creates the file, because a new file could be read by other users of the machine.
        connection = sqlite3.connect(f"{self._uri}?mode=rw", uri=True, timeout=5)
        try:
            connection.execute("pragma journal_mode = wal")
            # A crash of the machine may lose the latest changes, but does not damage the file.
            connection.execute("pragma synchronous = normal")
        except BaseException:
            connection.close()
            raise
        return connection


class RouteSaver:
    """Saves the routing table of an edge on disk as the table changes. One edge of a machine saves the table for all
    edges of the machine."""

    def __init__(self, table: RouteTable, folder: Path, database_url: str, reserve: DiskReserve | None = None) -> None:
        self._table = table
        self._reserve = reserve
        self._kept = SavedRoutes(folder, database_url)
        self._lock_path = folder / "routes.lock"
        self._lock: IO[str] | None = None
        self._changed: set[str] = set()
        self._generation = 0
        self._whole = False
        self._confirmed: tuple[float, float] | None = None
        self._noted = 0.0
        self._complained = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        table.on_change.append(self._note_change)

    def start(self) -> None:
        """Starts to save the routes in the background."""
        self._task = asyncio.create_task(self._run(), name="keep routes")

    async def stop(self) -> None:
        """Stops saving the routes. The routes that are already saved stay on disk."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._let_go()

    def confirm(self) -> None:
        """Records that the routing table matches the database at this moment."""
        # Other processes need the time of day, which may be adjusted. This process needs a monotonic clock.
        self._confirmed = time.time(), time.monotonic()
        self._wake.set()

    def _note_change(self, app_ids: Collection[str]) -> None:
        if self._lock is not None:
            self._changed.update(app_ids)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._write()
                self._complained = False
            except (sqlite3.Error, OSError, ValueError, StorageFullError) as error:
                if not self._complained:
                    logger.warning(
                        "cannot save routes on disk, so this edge could not start without the database: %s", error
                    )
                self._complained = True
                self._let_go()
            if self._lock is None:
                await asyncio.sleep(PAUSE)
            else:
                await self._wake.wait()
                self._wake.clear()

    async def _write(self) -> None:
        # Before the first query of the database, the table contains no more than the saved routes.
        if self._confirmed is None:
            return
        if self._reserve is not None:
            self._reserve.require()
        if self._lock is None and not await self._begin():
            return
        confirmed, now = self._confirmed
        while self._changed:
            some = [self._changed.pop() for _ in range(min(BATCH, len(self._changed)))]
            apps = [(app_id, self._table.apps.get(app_id)) for app_id in some]
            await asyncio.to_thread(self._kept.write, apps, self._generation)
        if not self._whole or now >= self._noted + CONFIRMED_EVERY:
            await asyncio.to_thread(self._kept.confirm, confirmed, self._generation, whole=not self._whole)
            self._whole, self._noted = True, now

    async def _begin(self) -> bool:
        """Claims the task of saving the routes for all edges of the machine. Returns false if another process has
        it."""
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        lock = self._lock_path.open("w")
        try:
            if not lock_file(lock):
                lock.close()
                return False
            self._generation = await asyncio.to_thread(self._kept.begin)
        except BaseException:
            lock.close()
            raise
        self._lock, self._whole = lock, False
        self._changed = set(self._table.apps)
        return True

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.close()
        self._lock = None
