"""How sources are built."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from easel.settings.forms import HOST_RULE, MIB, CommaSeparated

BuildKind = Literal["sandboxed", "unsandboxed", "off"]


class BuildSettings(BaseSettings):
    """How sources are built."""

    builds: BuildKind = Field(
        default="sandboxed",
        description="How sources are built: sandboxed; unsandboxed, with all rights of Easel's user; off.",
    )
    builder_processes: int = Field(default=1, ge=1, le=64)
    builder_idle: float = Field(
        default=300.0, ge=0, description="Seconds after which an idle builder of a single machine ends; 0 is never."
    )
    builds_at_once: int | None = Field(
        default=None, ge=1, description="Limit of builds that run at the same time on all machines; None is no limit."
    )
    builds_at_once_per_organisation: int = Field(
        default=2, ge=0, description="The same for those of one organisation; 0 is no limit."
    )
    build_minutes_per_day: int = Field(
        default=1000, ge=0, description="Limit of an organisation's build minutes in a day (UTC); 0 is no limit."
    )
    max_waiting_builds: int = Field(
        default=100, ge=0, description="Limit of an organisation's deploys waiting to be built; 0 is no limit."
    )
    build_memory: int = Field(
        default=2048 * MIB, ge=64 * MIB, description="Memory limit of a build, for all its processes together."
    )
    build_processor_time: float = Field(
        default=3600.0,
        gt=0,
        description="Limit of a build's processor time, for all its processes on all processors together.",
    )
    build_deadline: float = Field(default=1200.0, gt=0, description="Deadline of a build.")
    build_processes: int = Field(
        default=256, ge=16, description="Limit of a build's simultaneous processes and threads."
    )
    build_leaves_cores: int = Field(
        default=1, ge=0, description="Processors that a build leaves to visitors while they come; 0 is none."
    )
    build_disk: int = Field(default=4096 * MIB, ge=16 * MIB, description="Limit of a build's folder on the disk.")
    build_files: int = Field(default=1_000_000, ge=1_000, description="Limit of a build's files and folders.")
    build_log_bytes: int = Field(default=10 * MIB, ge=64 * 1024, description="Limit of a build's log.")
    build_hosts: CommaSeparated = Field(
        default=(),
        description="Additional hosts that builds may reach: `example.com`, `*.example.com`, separated by commas.",
    )
    app_build_hosts: CommaSeparated = Field(
        default=(), description="Hosts that an app may add for its builds with `build_hosts`, in the same form."
    )
    build_cache_bytes: int = Field(
        default=10 * 1024 * MIB, ge=0, description="Limit of the build cache on the disk; 0 turns the cache off."
    )
    build_user: int | None = Field(
        default=None,
        ge=1,
        le=4294967000,
        description="First user id for builds if root started Easel; None is 1,900,000,000.",
    )

    @field_validator("build_hosts", "app_build_hosts")
    @classmethod
    def _hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        lowered = tuple(host.lower() for host in hosts)
        wrong = next((host for host in lowered if not HOST_RULE.fullmatch(host)), None)
        if wrong is not None:
            raise ValueError(
                f"write hosts like example.com, *.example.com or example.com:8443; {wrong[:100]!r} is not one"
            )
        return lowered
