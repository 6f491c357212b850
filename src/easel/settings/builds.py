"""Settings for building sources."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from easel.settings.forms import HOST_RULE, MIB, CommaSeparated

BuildKind = Literal["sandboxed", "unsandboxed", "off"]


class BuildSettings(BaseSettings):
    """Settings for building sources."""

    builds: BuildKind = Field(
        default="sandboxed",
        description="How sources are built: `sandboxed`, `unsandboxed` (a build has all rights of Easel's user) or "
        "`off`.",
    )
    builder_processes: int = Field(default=1, ge=1, le=64)
    builder_idle: float = Field(
        default=300.0,
        ge=0,
        description="Seconds after which an idle builder process ends, if Easel runs on a single machine. 0 means "
        "never.",
    )
    builds_at_once: int | None = Field(
        default=None,
        ge=1,
        description="Maximum number of simultaneous builds on all machines together. If not set: unlimited.",
    )
    builds_at_once_per_organisation: int = Field(
        default=2, ge=0, description="Maximum number of simultaneous builds of one organisation. 0 means unlimited."
    )
    build_minutes_per_day: int = Field(
        default=1000,
        ge=0,
        description="Maximum minutes of builds of one organisation in a day (UTC). 0 means unlimited.",
    )
    max_waiting_builds: int = Field(
        default=100,
        ge=0,
        description="Maximum number of deploys of one organisation that wait to be built. 0 means unlimited.",
    )
    build_memory: int = Field(
        default=2048 * MIB, ge=64 * MIB, description="Maximum memory in bytes of all processes of a build together."
    )
    build_processor_time: float = Field(
        default=3600.0,
        gt=0,
        description="Maximum processor time in seconds of all processes of a build on all processors together.",
    )
    build_deadline: float = Field(default=1200.0, gt=0, description="Maximum duration of a build in seconds.")
    build_processes: int = Field(
        default=256, ge=16, description="Maximum number of simultaneous processes and threads of a build."
    )
    build_disk: int = Field(
        default=4096 * MIB, ge=16 * MIB, description="Maximum size in bytes of the folder of a build."
    )
    build_files: int = Field(default=1_000_000, ge=1_000, description="Maximum number of files and folders of a build.")
    build_log_bytes: int = Field(
        default=10 * MIB, ge=64 * 1024, description="Maximum size in bytes of the log of a build."
    )
    build_leaves_cores: int = Field(
        default=1,
        ge=0,
        description="Number of processors that a build leaves free while edges serve visitors. 0 means none.",
    )
    build_hosts: CommaSeparated = Field(
        default=(),
        description="Additional hosts that builds may connect to, separated by commas: `example.com`, `*.example.com`.",
    )
    app_build_hosts: CommaSeparated = Field(
        default=(),
        description="Hosts that an app may add for its builds with `build_hosts`, in the form of EASEL_BUILD_HOSTS.",
    )
    build_cache_bytes: int = Field(
        default=10 * 1024 * MIB,
        ge=0,
        description="Maximum size in bytes of the build cache of each builder machine. 0 turns the cache off.",
    )
    build_user: int | None = Field(
        default=None,
        ge=1,
        le=4294967000,
        description="First user id for builds, if root started Easel. If not set: 1,900,000,000.",
    )

    @field_validator("build_hosts", "app_build_hosts")
    @classmethod
    def _hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        lowered = tuple(host.lower() for host in hosts)
        wrong = next((host for host in lowered if not HOST_RULE.fullmatch(host)), None)
        if wrong is not None:
            raise ValueError(
                f"write hosts like example.com, *.example.com or example.com:8443; {wrong[:100]!r} does not have "
                f"this form"
            )
        return lowered
