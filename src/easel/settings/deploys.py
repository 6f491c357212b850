"""Settings for carrying out deploys, and for the versions that are kept."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class DeploySettings(BaseSettings):
    """Settings for carrying out deploys, and for the versions that are kept."""

    worker_processes: int = Field(default=1, ge=1, le=64)
    worker_concurrency: int = Field(default=4, ge=1, le=64)
    heartbeat: float = Field(default=1.0, gt=0, description="Seconds between two heartbeats of a worker.")
    stalled_after: float = Field(
        default=4.0, gt=0, description="Seconds without a heartbeat after which a worker counts as dead."
    )
    deploy_deadline: float = Field(default=600.0, gt=0, description="Maximum duration of a deploy in seconds.")
    step_deadline: float = Field(
        default=300.0, gt=0, description="Maximum duration in seconds of each step of a deploy."
    )
    pin_deadline: float | None = Field(
        default=None,
        gt=0,
        description="Maximum duration in seconds of the step that copies the upload. If not set: step_deadline.",
    )
    inspect_deadline: float | None = Field(
        default=None,
        gt=0,
        description="Maximum duration in seconds of the step that checks the bundle. If not set: step_deadline.",
    )
    ingest_deadline: float | None = Field(
        default=None,
        gt=0,
        description="Maximum duration in seconds of the step that stores the bundle. If not set: step_deadline.",
    )
    deploys_at_once: int | None = Field(
        default=None,
        ge=1,
        description="Maximum number of simultaneous deploys on all machines together. If not set: unlimited.",
    )
    deploys_at_once_per_organisation: int = Field(
        default=32, ge=0, description="Maximum number of simultaneous deploys of one organisation. 0 means unlimited."
    )
    versions_kept: int | None = Field(
        default=None, ge=1, description="Number of the newest versions of each app that are kept. If not set: all."
    )
    versions_kept_for: float | None = Field(
        default=None,
        gt=0,
        description="Seconds for which a version is kept. If versions_kept is also set, a version is pruned only if "
        "neither setting keeps it.",
    )
