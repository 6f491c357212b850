"""The processes of a running build, from the kernel's files (proc(5))."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from easel.builds.sandbox import kernel

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")
MAKING = 0.002
"""Number of seconds between two checks whether a new sandbox is complete."""
MOST_FILES = 20_000
"""Maximum number of a build's open files that are checked at once."""
MEMORY_OF_A_FILE = 1024
"""Bytes of kernel memory for a file on a tmpfs, without its content."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The resources that the processes of a build use together: the number of threads, bytes of mapped memory (shared
    memory counts once for each process), and seconds of processor time including ended children. The ids of their
    sessions are listed too."""

    threads: int
    resident: int
    processor: float
    sessions: frozenset[int]


class Processes:
    """The processes of a sandbox, from its own /proc. Without a sandbox, they are a process and its descendants.
    `first` is the sandbox's first process, or the command of a build without a sandbox."""

    def __init__(self, first: int, *, sandboxed: bool) -> None:
        self._first = first
        self._sandboxed = sandboxed
        self._root = os.open(f"/proc/{first}/root", os.O_PATH | os.O_DIRECTORY) if sandboxed else None
        try:
            self._proc = os.open("proc" if sandboxed else "/proc", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._root)
        except OSError:
            if self._root is not None:
                os.close(self._root)
            raise

    @classmethod
    async def of(cls, first: int, *, sandboxed: bool) -> Processes | None:
        """Returns the processes as soon as the sandbox is complete. Returns None if the sandbox has ended before
        that."""
        outside = os.stat("/proc").st_dev
        while True:
            # Until the sandbox is complete, its root is this machine's root, or has no /proc.
            try:
                if not sandboxed or os.stat(f"/proc/{first}/root/proc").st_dev != outside:
                    return cls(first, sandboxed=sandboxed)
            except OSError:
                if not Path(f"/proc/{first}").exists():
                    return None
            await asyncio.sleep(MAKING)

    def close(self) -> None:
        """Closes the files of /proc through which the processes are measured."""
        os.close(self._proc)
        if self._root is not None:
            os.close(self._root)

    def usage(self) -> Usage:
        """Returns the resources that the build's processes use now."""
        threads = resident = ticks = 0
        sessions: set[int] = set()
        for process in self._all():
            fields = self._read(f"{process}/stat").rpartition(b")")[2].split()
            if len(fields) < 22:
                continue
            sessions.add(int(fields[3]))
            ticks += sum(map(int, fields[11:15]))
            threads += int(fields[17])
            resident += int(fields[21]) * _PAGE
        return Usage(threads, resident, ticks / _TICK, frozenset(sessions))

    def proportional(self) -> int:
        """Returns the bytes of memory with each shared page divided among its processes (PSS). Takes milliseconds."""
        total = 0
        for process in self._all():
            found = self._read(f"{process}/smaps_rollup").partition(b"\nPss:")[2].split(None, 1)
            total += int(found[0]) * 1024 if found else 0
        return total

    def temporary(self, folders: tuple[str, ...]) -> int:
        """Returns the bytes of memory that files in these folders of the sandbox use. The folders are in memory
        (tmpfs)."""
        total = 0
        if self._root is not None:
            for folder in folders:
                with suppress(OSError):
                    descriptor = os.open(folder.lstrip("/"), os.O_PATH | os.O_DIRECTORY, dir_fd=self._root)
                    try:
                        found = os.fstatvfs(descriptor)
                        total += (found.f_blocks - found.f_bfree) * found.f_frsize
                        total += (found.f_files - found.f_ffree) * MEMORY_OF_A_FILE
                    finally:
                        os.close(descriptor)
        return total

    def removed_files(self, device: int) -> int:
        """Returns the size in bytes of the deleted files on the device that the processes still have open."""
        sizes: dict[int, int] = {}
        looked = 0
        for process in self._all():
            with suppress(OSError):
                folder = os.open(f"{process}/fd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
                try:
                    for name in os.listdir(folder):
                        looked += 1
                        if looked > MOST_FILES:
                            return sum(sizes.values())
                        with suppress(OSError):
                            found = os.stat(name, dir_fd=folder)
                            if stat.S_ISREG(found.st_mode) and not found.st_nlink and found.st_dev == device:
                                sizes[found.st_ino] = found.st_blocks * 512
                finally:
                    os.close(folder)
        return sum(sizes.values())

    def lower(self) -> bool:
        """Gives all sessions low priority. Returns False if some sessions do not have low priority yet, because the
        kernel accepts only ten changes a second."""
        # The files are opened through this machine's /proc, because the sandbox's own /proc is read-only.
        for process in self._below():
            if not kernel.has_low_session(process):
                kernel.lower_session(process)
        return all(map(kernel.has_low_session, self._below()))

    def run_on(self, cores: Iterable[int]) -> bool:
        """Restricts all threads, and the threads that they start, to these processors. Returns false if the system
        refuses this."""
        for process in self._below():
            try:
                for thread in os.listdir(f"/proc/{process}/task"):
                    with suppress(ProcessLookupError):
                        os.sched_setaffinity(int(thread), cores)
            except PermissionError:
                return False
            except OSError:
                continue
        return True

    def _all(self) -> Iterator[int]:
        if not self._sandboxed:
            yield from self._below()
            return
        with suppress(OSError):
            yield from (int(name) for name in os.listdir(self._proc) if name.isdigit())

    def _below(self) -> Iterator[int]:
        level = [self._first]
        while level:
            yield from level
            level = [child for process in level for child in kernel.children(process)]

    def _read(self, name: str) -> bytes:
        try:
            descriptor = os.open(name, os.O_RDONLY, dir_fd=self._proc)
        except OSError:
            return b""
        try:
            return os.read(descriptor, 4096)
        except OSError:
            return b""
        finally:
            os.close(descriptor)
