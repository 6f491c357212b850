"""How much a build may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from easel.settings import Settings

Reason = Literal["memory", "processor", "processes", "time", "disk", "disk_full", "log", "stopped"]
"""Why a build was ended: a limit it reached, the disk's reserve that was reached, or a caller that wanted it ended."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one command: seconds of wall time and of processor time, and bytes of memory, of its folder's disk, of its
    largest file and of its output; how many processes and threads it has at a time."""

    wall: float
    processor: float
    memory: int
    processes: int
    disk: int
    file_size: int
    log: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say. A file may take the whole disk of a build."""
        return cls(
            wall=settings.build_deadline,
            processor=settings.build_processor_time,
            memory=settings.build_memory,
            processes=settings.build_processes,
            disk=settings.build_disk,
            file_size=settings.build_disk,
            log=settings.build_log_bytes,
        )
