"""How deploys are carried out, and the versions that are kept."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class DeploySettings(BaseSettings):
    """How deploys are carried out, and the versions that are kept."""

    worker_processes: int = Field(default=1, ge=1, le=64)
    worker_concurrency: int = Field(default=4, ge=1, le=64)
    heartbeat: float = Field(default=1.0, gt=0, description="Seconds between a worker's heartbeats.")
    stalled_after: float = Field(
        default=4.0, gt=0, description="Seconds without a heartbeat after which a worker counts as dead."
    )
    deploy_deadline: float = Field(default=600.0, gt=0, description="Deadline of a deploy.")
    step_deadline: float = Field(default=300.0, gt=0, description="Deadline of each step of a deploy.")
    pin_deadline: float | None = Field(default=None, gt=0, description="Deadline of the step that copies the upload.")
    inspect_deadline: float | None = Field(
        default=None, gt=0, description="Deadline of the step that checks the bundle."
    )
    ingest_deadline: float | None = Field(
        default=None, gt=0, description="Deadline of the step that stores the bundle."
    )
    deploys_at_once: int | None = Field(
        default=None, ge=1, description="Limit of deploys that run at the same time on all machines; None is no limit."
    )
    deploys_at_once_per_organisation: int = Field(
        default=32, ge=0, description="The same for those of one organisation; 0 is no limit."
    )
    versions_kept: int | None = Field(
        default=None, ge=1, description="The number of newest versions of each app that are kept; None keeps all."
    )
    versions_kept_for: float | None = Field(
        default=None,
        gt=0,
        description="Seconds for which a version is kept; with both settings, a version is pruned if neither keeps it.",
    )
