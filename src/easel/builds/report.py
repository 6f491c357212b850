"""Facts about a build, as its deploy keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from easel.builds.detect.models import Plan

CacheUse = Literal["warm", "cold", "off"]
"""Whether the dependencies of an earlier build were used; `off` for a build that was told to use none."""


@dataclass(slots=True)
class BuildReport:
    """What a build ran with, and how it went: seconds by phase (`plan`, `tools`, `install`, `build`, `cache`), the
    refused hosts with a sentence for each, seconds of processor time, and the most memory of a phase in bytes."""

    sandbox: Literal["sandboxed", "unsandboxed"]
    framework: str | None = None
    node: str | None = None
    package_manager: str | None = None
    python: str | None = None
    cache: CacheUse = "cold"
    seconds: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    refused_hosts: list[str] = field(default_factory=list)
    processor: float = 0.0
    peak_memory: int = 0


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A finished build: the folder of its output, below its sources, its plan and its report."""

    output: Path
    plan: Plan
    report: BuildReport
