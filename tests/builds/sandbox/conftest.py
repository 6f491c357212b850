"""A real sandbox, and commands in it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from easel.builds.errors import SandboxUnavailableError
from easel.builds.sandbox.command import Command, CommandResult, Mount
from easel.builds.sandbox.limits import Limits
from easel.builds.sandbox.sandbox import Sandbox
from easel.settings import Settings

MIB = 1024 * 1024
PYTHON = (Mount(Path(sys.base_prefix), sys.base_prefix),)
LIMITS = Limits(
    wall=900, processor=60, memory=1024 * MIB, processes=64, disk=512 * MIB, files=50_000, file_size=512 * MIB, log=MIB
)


@dataclass
class Bench:
    """A sandbox with a folder to build in."""

    sandbox: Sandbox
    work: Path
    output: bytearray = field(default_factory=bytearray)

    async def run(
        self,
        *argv: str,
        limits: dict[str, Any] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        on_bytes: Callable[[bytes], None] | None = None,
        **more: Any,
    ) -> CommandResult:
        """Runs a program, or a line of the shell."""
        command = Command(
            argv if len(argv) > 1 else ("sh", "-c", argv[0]), self.work, replace(LIMITS, **limits or {}), **more
        )
        return await self.sandbox.run(command, on_bytes or self.output.extend, should_stop)

    async def python(self, script: str, *arguments: str, **more: Any) -> CommandResult:
        """Runs a Python script in the sandbox."""
        return await self.run(f"{sys.base_prefix}/bin/python3", "-ISc", script, *arguments, mounts=PYTHON, **more)

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", "replace")


def running(mark: str) -> list[int]:
    """Returns the ids of processes with the mark in their command line. Skips pytest's processes, whose titles contain
    the names of tests."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
            if line.startswith(b"[pytest"):
                continue
            if mark.encode() in line and (path.parent / "stat").read_text().rpartition(")")[2][1] != "Z":
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until the condition is true."""
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.005)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("easel") / "data"


@pytest.fixture(scope="module")
def sandbox(data_dir: Path) -> Iterator[Sandbox]:
    try:
        found = Sandbox.find(Settings(data_dir=data_dir, private_networks=("127.0.0.0/8",)))
    except SandboxUnavailableError as error:
        pytest.skip(error.message)
    yield found
    found.close()


@pytest.fixture
def bench(sandbox: Sandbox, tmp_path: Path) -> Bench:
    work = tmp_path / "work"
    work.mkdir()
    sandbox.own(work)
    return Bench(sandbox, work)
