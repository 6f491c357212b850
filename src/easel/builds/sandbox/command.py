"""A command for the sandbox, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from easel.builds.sandbox.limits import Limits, Reason
from easel.outgoing.hosts import HostRules
from easel.outgoing.proxy import Refusal


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of this machine, and the path at which it appears in the sandbox."""

    source: Path
    at: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command: `argv` runs in `folder`, with `work` as the writable `/build`.

    `environment` is added to the sandbox's own variables (HOME, PATH, TMPDIR, CI, the proxy), and overrides them.
    `hosts` can be reached through the proxy. By default, no host can be reached.
    """

    argv: tuple[str, ...]
    work: Path
    limits: Limits
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "/build"
    hosts: HostRules = field(default_factory=HostRules)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The outcome of a command: its exit code (128 plus the number for a signal), and the reason if Easel ended it.
    Times are in seconds: wall time, processor time, and the time during which the command had fewer processors because
    visitors needed them. The largest measured memory is in bytes. The refused hosts are listed."""

    code: int
    reason: Reason | None
    seconds: float
    processor: float
    peak_memory: int
    refused: tuple[Refusal, ...] = ()
    confined: float = 0.0
