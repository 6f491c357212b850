"""Chooses the Python of a build, and makes its virtual environment with pip. The environment is made once for all
builds, and each build gets a copy."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from easel.builds.sandbox.command import Command, Mount
from easel.builds.sandbox.limits import Limits
from easel.builds.sandbox.sandbox import Sandbox
from easel.builds.toolchains.errors import PythonUnavailableError, ToolchainError
from easel.builds.toolchains.packages import remove
from easel.outgoing.hosts import HostRules

ENVIRONMENT = "/opt/venv"
"""The folder of the sandbox in which the virtual environment of Python appears. The environment contains its own
absolute path."""
_INSIDE = "/opt/python"
_OF_DEBIAN = Path("/usr/bin/python3")
_LOOK = "import ensurepip, platform, sys, venv; print(platform.python_version(), sys.base_prefix)"
_ABOUT = """\
import json, sys
from pip import __version__
from pip._internal.models.index import PyPI
print(json.dumps({"pip": __version__, "hosts": [PyPI.netloc, PyPI.file_storage_domain], "place": sys.prefix}))
"""


@dataclass(frozen=True, slots=True)
class Python:
    """A Python interpreter: its version, the folder to mount (None for the system's interpreter), and the path of its
    program in the sandbox."""

    version: str
    folder: Path | None
    program: str

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """Returns the folders to mount in the sandbox so that the interpreter runs there."""
        return () if self.folder is None else (Mount(self.folder, _INSIDE),)


@dataclass(frozen=True, slots=True)
class Template:
    """A virtual environment. Each build gets a copy of it. It also has the hosts from which its pip downloads by
    default, and the path of the environment that its programs contain."""

    folder: Path
    pip: str
    hosts: tuple[str, ...]
    place: str


@lru_cache(maxsize=1)
def find_python() -> Python:
    """Returns Debian's interpreter, else the interpreter that runs Easel. Raises PythonUnavailableError."""
    for program in (_OF_DEBIAN, Path(sys.executable)):
        try:
            done = subprocess.run(
                [program, "-I", "-c", _LOOK], capture_output=True, text=True, timeout=20, check=True, cwd="/"
            )
        except (OSError, subprocess.SubprocessError):
            continue
        version, _, prefix = done.stdout.strip().partition(" ")
        if Path(prefix).is_relative_to("/usr"):
            return Python(version, None, str(program if program == _OF_DEBIAN else Path(prefix, "bin", "python3")))
        return Python(version, Path(prefix), f"{_INSIDE}/bin/python3")
    raise PythonUnavailableError


async def template(python: Python, folder: Path, sandbox: Sandbox, limits: Limits) -> Template:
    """Returns the virtual environment from which builds with this interpreter get their copies. Creates the environment
    in the sandbox if there is none. Raises ToolchainError."""
    kind = hashlib.sha256(f"{python.version} {python.folder} {python.program}".encode()).hexdigest()[:16]
    target = folder / f"python-{python.version}-{kind}"
    if not target.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        scratch = folder / f".{secrets.token_hex(8)}"
        try:
            await _make(python, scratch, sandbox, limits)
            _install(scratch, target)
        finally:
            remove(scratch)
    os.utime(target)
    about = json.loads((target / "about.json").read_text())
    return Template(target / "venv", about["pip"], tuple(about["hosts"]), about["place"])


async def _make(python: Python, scratch: Path, sandbox: Sandbox, limits: Limits) -> None:
    work, made = scratch / "work", scratch / "venv"
    for part in (work, made):
        part.mkdir(parents=True)
        sandbox.own(part)
    said = bytearray()

    async def run(*argv: str) -> None:
        said.clear()
        command = Command(
            argv=argv,
            work=work,
            limits=limits,
            mounts=(*python.mounts, Mount(made, ENVIRONMENT, writable=True)),
            hosts=HostRules(),
        )
        ended = await sandbox.run(command, said.extend)
        if ended.code:
            last = said.decode(errors="replace").strip().rpartition("\n")[2][:300]
            raise ToolchainError(reason=f"Python {python.version} could not create a virtual environment: {last}")

    await run(python.program, "-I", "-m", "venv", ENVIRONMENT)
    await run(f"{ENVIRONMENT}/bin/python", "-I", "-c", _ABOUT)
    (scratch / "about.json").write_bytes(bytes(said))
    remove(work)


def move_programs(venv: Path, place: str) -> None:
    """Replaces the path of the original environment, `place`, by the path of its copy, `venv`, in all programs of the
    copy. This is needed without a sandbox, where each copy has a path of its own."""
    for program in (venv / "bin").iterdir():
        if program.is_symlink() or not program.is_file():
            continue
        text = program.read_bytes()
        if text.startswith(b"#!") and place.encode() in text:
            program.write_bytes(text.replace(place.encode(), str(venv).encode()))


def _install(scratch: Path, target: Path) -> None:
    try:
        scratch.rename(target)
    except OSError:
        # Another process has created the folder first.
        if not target.is_dir():
            raise
