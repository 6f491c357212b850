"""The report on a build, which is saved with its deploy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from easel.builds.detect.models import Plan

CacheUse = Literal["warm", "cold", "off"]
"""States whether the build used the dependencies of an earlier build. The value is `off` if the deploy turned the cache
off."""


@dataclass(slots=True)
class BuildReport:
    """The versions of a build's tools, and its measurements: seconds by phase (`plan`, `tools`, `install`, `build`,
    `cache`), the refused hosts with a sentence for each, seconds of processor time, and the largest memory of a phase
    in bytes."""

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
    """The result of a build: its output folder in the sources, its plan and its report."""

    output: Path
    plan: Plan
    report: BuildReport
