"""Control groups, version 1 and 2, where Easel may make them: the kernel itself then limits a build's memory, and gives
it a tenth of the processor time that others of the machine get."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from easel.builds.sandbox.limits import Limits

ROOT: Final = Path("/sys/fs/cgroup")
_NUMBERS = itertools.count(1)
REMOVE_TIMEOUT = 1.0
"""Seconds for the kernel to let go of a group whose processes have ended."""


@dataclass(frozen=True, slots=True)
class Group:
    """The groups of one build, one folder for each hierarchy; the first is that of memory."""

    version: Literal[1, 2]
    folders: tuple[Path, ...]

    @property
    def doors(self) -> list[str]:
        """The files that a process writes `0` to, to be in."""
        return [str(folder / "cgroup.procs") for folder in self.folders]

    def memory(self) -> int:
        """Bytes that are used now, without what the kernel caches of files."""
        names = ("total_rss", "total_shmem") if self.version == 1 else ("anon", "shmem")
        return sum(_values(self.folders[0] / "memory.stat").get(name, 0) for name in names)

    def was_short(self) -> bool:
        """Whether the kernel has ended a process because the memory was used up."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return _values(self.folders[0] / name).get("oom_kill", 0) > 0

    def remove(self) -> None:
        """Removes the groups; their processes have ended."""
        until = time.monotonic() + REMOVE_TIMEOUT
        for folder in self.folders:
            while folder.exists() and time.monotonic() < until:
                with suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.002)


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Where groups are made: the folder of each hierarchy that may be written, memory first."""

    version: Literal[1, 2]
    parents: tuple[Path, ...]

    @classmethod
    def find(cls) -> Cgroups | None:
        """The groups of this process, if it may make others below or beside them, and limit their memory."""
        with suppress(OSError):
            lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
            for found in (_second(lines), _first(lines)):
                if found is not None and _works(found):
                    return found
        return None

    def new(self, limits: Limits) -> Group:
        """Groups for one build. Raises OSError."""
        name = f"easel-build-{os.getpid()}-{next(_NUMBERS)}"
        group = Group(self.version, tuple(parent / name for parent in self.parents))
        try:
            for folder in group.folders:
                folder.mkdir()
                for file, value in self._values(limits):
                    with suppress(FileNotFoundError):
                        _write(folder / file, value)
        except OSError:
            group.remove()
            raise
        return group

    def _values(self, limits: Limits) -> Iterator[tuple[str, str]]:
        if self.version == 1:
            yield "memory.limit_in_bytes", str(limits.memory)
            yield "memory.memsw.limit_in_bytes", str(limits.memory)
            yield "cpu.shares", "100"
        else:
            yield "memory.max", str(limits.memory)
            yield "memory.swap.max", "0"
            yield "memory.oom.group", "1"
            yield "cpu.weight", "10"
        yield "pids.max", str(limits.processes + 8)


def _second(lines: list[list[str]]) -> Cgroups | None:
    path = next((path for number, names, path in lines if number == "0" and not names), None)
    if path is None:
        return None
    own = ROOT / path.lstrip("/")
    # Version 2 has processes in the leaves alone: systemd puts a service's into `DelegateSubgroup=`, and groups beside
    # that are Easel's to make.
    for parent in (own.parent, own):
        with suppress(OSError):
            if parent == ROOT.parent or "memory" not in (parent / "cgroup.controllers").read_text().split():
                continue
            enabled = (parent / "cgroup.subtree_control").read_text().split()
            for controller in ("memory", "pids", "cpu"):
                if controller not in enabled:
                    with suppress(OSError):
                        _write(parent / "cgroup.subtree_control", f"+{controller}")
            if "memory" in (parent / "cgroup.subtree_control").read_text().split():
                return Cgroups(2, (parent,))
    return None


def _first(lines: list[list[str]]) -> Cgroups | None:
    own = {name: (names, path) for _, names, path in lines for name in names.split(",") if name}
    folders = []
    for controller in ("memory", "pids", "cpu"):
        names, path = own.get(controller, ("", ""))
        folder = next(
            (at for at in (ROOT / controller / path.lstrip("/"), ROOT / names / path.lstrip("/")) if at.is_dir()), None
        )
        if folder is not None and os.access(folder, os.W_OK):
            folders.append(folder)
        elif controller == "memory":
            return None
    return Cgroups(1, tuple(dict.fromkeys(folder.resolve() for folder in folders)))


def _works(found: Cgroups) -> bool:
    try:
        group = found.new(Limits(wall=1, processor=1, memory=1 << 26, processes=16, disk=1, file_size=1, log=1))
    except OSError:
        return False
    try:
        return (group.folders[0] / ("memory.limit_in_bytes" if found.version == 1 else "memory.max")).exists()
    finally:
        group.remove()


def _write(file: Path, value: str) -> None:
    # Without O_CREAT: a name that the kernel does not have is no file here.
    descriptor = os.open(file, os.O_WRONLY)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _values(file: Path) -> dict[str, int]:
    try:
        pairs = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
