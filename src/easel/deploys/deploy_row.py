"""A deploy in the form in which workers and builders read and write it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class DeployRow:
    """A deploy outside a database session: the columns of `models.Deploy` that a worker or builder reads or writes.

    `run_row.sql` lists the columns in the same order.
    """

    id: str
    org_id: str
    app_id: str
    sequence: int
    environment: str
    bundle_s3_key: str | None
    source_files_key: str | None
    message: str
    git_commit_sha: str | None
    git_commit_message: str | None
    git_author: str | None
    git_branch: str | None
    source: str
    built_key: str | None
    build: dict[str, Any] | None
    queued_by: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    status: str
    step: str | None
    attempt: int
    bundle_key: str | None
    manifest_key: str | None
    version: int | None
    outcome: str | None
    error: str | None
    error_code: str | None
    warnings: list[str]
    smoke_test: dict[str, Any] | None
    timings: dict[str, int]
    counts: dict[str, int] | None
    build_config: dict[str, Any] | None
