"""Upgrades an embedded data folder from one major version of PostgreSQL to a later version, with PostgreSQL's own
pg_upgrade."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from easel.errors import EaselError

logger = logging.getLogger(__name__)

_USER = "pgserver"
"""The system user that runs PostgreSQL if Easel runs as root."""
_LONGEST_STEP = 3600
"""Timeout in seconds of each program that the upgrade runs. It is long, because copying a large database takes long."""


class PostgresUpgradeError(EaselError):
    """The database could not be upgraded from PostgreSQL {found} to {target}, because {program} failed: {reason}.
    Nothing was changed. The Easel release with PostgreSQL {found} can still use {folder}."""

    code = "postgres_upgrade_failed"


def upgrade(folder: Path, found: int, target: int, programs: Mapping[int, Path]) -> Path:
    """Upgrades the data folder in place from the major version `found` of PostgreSQL to `target`. Returns the path of
    the saved old folder.

    `programs` are the folders of PostgreSQL's programs by major version. Raises PostgresUpgradeError, which leaves the
    data folder unchanged.
    """
    new = _upgrading(folder)
    kept = folder.with_name(f"{folder.name}-{found}")
    shutil.rmtree(new, ignore_errors=True)
    working = Path(tempfile.mkdtemp(prefix="easel-pg-"))
    try:
        run = _Runner(folder, found, target, working)
        for path in (working, new):
            path.mkdir(mode=0o700, exist_ok=True)
            run.hand_over(path)
        # If the old server was killed, a server of the same version must recover the data first.
        old, data = programs[found], str(folder)
        if not (folder / "postmaster.pid").exists() or not run.allowed(old / "pg_ctl", "-D", data, "status"):
            run(old / "pg_ctl", "-w", "-t", "600", "-o", f'-h "" -k {working}', "-l", "log", "-D", data, "start")
        run(old / "pg_ctl", "-w", "-t", "600", "-m", "fast", "-D", data, "stop")
        checksums = "Data page checksum version:           0" not in run(old / "pg_controldata", "-D", data)
        initdb = ["--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", str(new)]
        run(programs[target] / "initdb", *initdb, "--data-checksums" if checksums else "--no-data-checksums")
        places = ["-b", str(old), "-B", str(programs[target]), "-d", data, "-D", str(new), "-s", str(working)]
        run(programs[target] / "pg_upgrade", "--username=postgres", *places)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(working, ignore_errors=True)
    shutil.rmtree(kept, ignore_errors=True)
    folder.rename(kept)
    new.rename(folder)
    return kept


def finish(folder: Path) -> None:
    """Completes an upgrade of the data folder that was interrupted between its last two steps. The new folder is
    complete at that point, and only has to be renamed."""
    if not folder.exists() and _upgrading(folder).exists():
        _upgrading(folder).rename(folder)


def _upgrading(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.upgrading")


class _Runner:
    """Runs PostgreSQL's programs as the user who owns the data folder."""

    def __init__(self, folder: Path, found: int, target: int, working: Path) -> None:
        self._details = {"folder": str(folder), "found": found, "target": target}
        self._working = working
        self._user = _USER if os.geteuid() == 0 else None

    def hand_over(self, path: Path) -> None:
        """Makes the user who runs PostgreSQL's programs the owner of a folder."""
        if self._user is not None:
            shutil.chown(path, self._user)

    def allowed(self, program: Path, *arguments: str) -> bool:
        """Runs a program, and returns true if it succeeds."""
        return self._run(program, arguments).returncode == 0

    def __call__(self, program: Path, *arguments: str) -> str:
        """Runs a program and returns its output. Raises PostgresUpgradeError if it fails."""
        done = self._run(program, arguments)
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split())[-600:]
            raise PostgresUpgradeError(**self._details, program=program.name, reason=said or "nothing")
        return done.stdout

    def _run(self, program: Path, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        # The output goes into files. A server that a program has started keeps its inherited files open, so a pipe
        # would never end.
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            done = subprocess.run(
                [str(program), *arguments],
                cwd=self._working,
                user=self._user,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=_LONGEST_STEP,
                check=False,
                env={**os.environ, "LC_ALL": "C"} if program.name == "pg_controldata" else None,
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())
