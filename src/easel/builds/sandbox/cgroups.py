"""Control groups, versions 1 and 2, if Easel may create them. With them, the kernel limits a build's memory, and gives
the build a tenth of the processor time of other processes."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from easel.builds.sandbox.limits import Limits

ROOT: Final = Path("/sys/fs/cgroup")
_PREFIX: Final = "easel-build"
_NUMBERS = itertools.count(1)
REMOVE_TIMEOUT = 1.0
"""Seconds until the kernel releases a group whose processes have ended."""
_ABANDONED = 60.0
"""Seconds after which an empty group of an ended builder counts as abandoned."""


@dataclass(frozen=True, slots=True)
class Group:
    """The control groups of one build: one folder for each hierarchy, the hierarchy of memory first."""

    version: Literal[1, 2]
    folders: tuple[Path, ...]

    @property
    def doors(self) -> list[str]:
        """Returns the paths of the files through which a process joins the groups. It writes `0` into each file."""
        return [str(folder / "cgroup.procs") for folder in self.folders]

    def limit(self, limits: Limits) -> None:
        """Sets the limits for memory and for the number of processes, which apply to all processes of the groups
        together. Raises OSError."""
        if self.version == 1:
            values = {"memory.limit_in_bytes": limits.memory, "memory.memsw.limit_in_bytes": limits.memory}
        else:
            values = {"memory.max": limits.memory, "memory.swap.max": 0, "memory.oom.group": 1}
        self._write({**values, "pids.max": limits.processes + 8})

    def share(self) -> None:
        """Gives all processes of the groups together a tenth of the processor time of other processes. Raises
        OSError."""
        self._write({"cpu.shares": 100} if self.version == 1 else {"cpu.weight": 10})

    def _write(self, values: Mapping[str, int]) -> None:
        for folder in self.folders:
            for file, value in values.items():
                with suppress(FileNotFoundError):
                    _write(folder / file, str(value))

    def memory(self) -> int:
        """Returns the bytes of memory that the processes of the groups use now, without the kernel's cache of files."""
        names = ("total_rss", "total_shmem") if self.version == 1 else ("anon", "shmem")
        return sum(_values(self.folders[0] / "memory.stat").get(name, 0) for name in names)

    def was_short(self) -> bool:
        """Returns true if the kernel has killed a process because the memory was used up."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return _values(self.folders[0] / name).get("oom_kill", 0) > 0

    def remove(self) -> None:
        """Removes the control groups of this build. Their processes must have ended."""
        until = time.monotonic() + REMOVE_TIMEOUT
        for folder in self.folders:
            while folder.exists() and time.monotonic() < until:
                with suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.002)


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The places for new control groups: one writable folder for each hierarchy, the hierarchy of memory first."""

    version: Literal[1, 2]
    parents: tuple[Path, ...]

    @classmethod
    def find(cls) -> Cgroups | None:
        """Returns the places for new control groups, which are below or next to the groups of this process. Returns
        None if this process may not create groups there, or not limit their memory."""
        with suppress(OSError):
            lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
            for found in (_second(lines), _first(lines)):
                if found is not None and _works(found):
                    found.remove_left()
                    return found
        return None

    def remove_left(self) -> None:
        """Removes the control groups that killed builders left behind."""
        for parent in self.parents:
            for folder in parent.glob(f"{_PREFIX}-*-*"):
                number = folder.name.split("-")[-2]
                # Another container's builder may have just created this group, which is empty until its first process.
                with suppress(OSError):
                    if not Path("/proc", number).exists() and time.time() - folder.stat().st_mtime > _ABANDONED:
                        folder.rmdir()

    def new(self) -> Group:
        """Creates the groups for one command, without limits. Raises OSError."""
        name = f"{_PREFIX}-{os.getpid()}-{next(_NUMBERS)}"
        group = Group(self.version, tuple(parent / name for parent in self.parents))
        try:
            for folder in group.folders:
                folder.mkdir()
            group.share()
        except OSError:
            group.remove()
            raise
        return group


def _second(lines: list[list[str]]) -> Cgroups | None:
    path = next((path for number, names, path in lines if number == "0" and not names), None)
    if path is None:
        return None
    own = ROOT / path.lstrip("/")
    # Version 2 allows processes only in leaf groups. systemd puts a service's processes into `DelegateSubgroup=`, and
    # Easel may create groups next to that subgroup.
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
        group = found.new()
    except OSError:
        return False
    try:
        group.limit(Limits(wall=1, processor=1, memory=1 << 26, processes=16, disk=1, files=1, file_size=1, log=1))
        return (group.folders[0] / ("memory.limit_in_bytes" if found.version == 1 else "memory.max")).exists()
    except OSError:
        return False
    finally:
        group.remove()


def _write(file: Path, value: str) -> None:
    # The file is opened without O_CREAT, because a name that the kernel does not know must not become a file.
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
