"""Debian's own PostgreSQL on this machine, for benchmarks and tests, reached over TCP with a password."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.running import free_port

_PROGRAMS = Path("/usr/lib/postgresql")


def debian_postgres_version() -> int | None:
    """The newest major version from Debian's packages on this machine, or None."""
    found = [int(path.parent.parent.name) for path in _PROGRAMS.glob("[0-9]*/bin/initdb")]
    return max(found, default=None)


@contextmanager
def debian_postgres(folder: Path) -> Iterator[str]:
    """The URL of a fresh server with its data in the folder. Raises RuntimeError if there is none to run.

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


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[-1]} of Debian's PostgreSQL failed:\n{done.stdout}{done.stderr}")
