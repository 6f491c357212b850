"""A command for the sandbox, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from easel.builds.sandbox.limits import Limits, Reason
from easel.outgoing.hosts import HostRules
from easel.outgoing.proxy import Refusal


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of this machine, and its place inside."""

    source: Path
    at: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """Runs `argv` in `folder`, with `work` as the writable `/build`. `environment` is added to what the sandbox sets
    (HOME, PATH, TMPDIR, CI, the proxy's variables), and wins over it. The hosts are those it may reach by the
    proxy, none by default."""

    argv: tuple[str, ...]
    work: Path
    limits: Limits
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/build"
    hosts: HostRules = field(default_factory=HostRules)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended: its exit code (128 and the number for a signal), the reason if Easel ended it, seconds of
    wall time and of processor time, the most memory that was seen in bytes, and the hosts it was refused."""

    code: int
    reason: Reason | None
    seconds: float
    processor: float
    peak_memory: int
    refused: tuple[Refusal, ...] = ()
