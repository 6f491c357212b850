"""The limits of a build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from easel.settings import Settings

Reason = Literal["memory", "processor", "processes", "time", "disk", "files", "disk_full", "log", "stopped"]
"""The reason why Easel ended a build: a limit, the disk's reserve, or a request to stop."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one command: seconds of wall time and of processor time; bytes of memory, of its folder's disk, of
    its largest file and of its output; the number of processes and threads at a time; and the number of files and
    folders in its folder and cache."""

    wall: float
    processor: float
    memory: int
    processes: int
    disk: int
    files: int
    file_size: int
    log: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the limits from the settings. One file may take the whole disk space of a build."""
        return cls(
            wall=settings.build_deadline,
            processor=settings.build_processor_time,
            memory=settings.build_memory,
            processes=settings.build_processes,
            disk=settings.build_disk,
            files=settings.build_files,
            file_size=settings.build_disk,
            log=settings.build_log_bytes,
        )
