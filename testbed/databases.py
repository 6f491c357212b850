"""Debian's own PostgreSQL on this machine, reached over TCP with a password. Also copies of an embedded database with
Easel's schema. Both are for benchmarks and tests."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from easel.storage.embedded import EmbeddedPostgres
from easel.storage.migrate import migrate
from testbed.running import free_port

_PROGRAMS = Path("/usr/lib/postgresql")


def debian_postgres_version() -> int | None:
    """Returns the newest major version from Debian's packages on this machine. Returns None if none is installed."""
    found = [int(path.parent.parent.name) for path in _PROGRAMS.glob("[0-9]*/bin/initdb")]
    return max(found, default=None)


@contextmanager
def debian_postgres(folder: Path) -> Iterator[str]:
    """Yields the URL of a fresh server with its data in the folder. Raises RuntimeError if no server is installed.

    As root, the server runs as Debian's system user `postgres`, which gets access through the folder's parents.
    """
    version = debian_postgres_version()
    if version is None:
        raise RuntimeError("Debian's package `postgresql` is not installed")
    programs = _PROGRAMS / str(version) / "bin"
    password, port = secrets.token_hex(16), free_port()
    folder.mkdir(parents=True)
    (folder / "password").write_text(password + "\n")
    become: list[str] = []
    if os.geteuid() == 0:
        become = ["runuser", "-u", "postgres", "--"]
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
        for parent in folder.resolve().parents:
            if not (mode := parent.stat().st_mode) & 0o001:
                parent.chmod(mode | 0o001)
    data = folder / "data"
    made = [*become, str(programs / "initdb"), "--pgdata", str(data), "--username", "postgres", "--encoding", "UTF8"]
    made += ["--auth", "scram-sha-256", "--pwfile", str(folder / "password"), "--no-sync"]
    control = [*become, str(programs / "pg_ctl"), "--pgdata", str(data), "--wait", "--silent"]
    options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
    _run(made, folder)
    _run([*control, "--log", str(folder / "log"), "--options", options, "start"], folder)
    try:
        yield f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
    finally:
        _run([*control, "--mode", "fast", "stop"], folder)


class Migrated:
    """The data of an embedded PostgreSQL that has Easel's schema and nothing else, made once for several processes.

    Copying the data takes a tenth of the processor time of `initdb` and the migrations.
    """

    def __init__(self, folder: Path) -> None:
        self._postgres = folder / "migrated" / "postgres"
        self._lock = folder / "migrated.lock"

    def copy_to(self, postgres: Path) -> None:
        """Copies the data to the embedded PostgreSQL of this folder, which does not exist yet."""
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._postgres.exists():
                self._make()
        postgres.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "--archive", str(self._postgres), str(postgres)], check=True)

    def _make(self) -> None:
        half = self._postgres.with_name("half")
        server = EmbeddedPostgres(half)
        try:
            migrate(server.start())
        finally:
            server.stop()
        half.rename(self._postgres)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[-1]} of Debian's PostgreSQL failed:\n{done.stdout}{done.stderr}")
