"""The tables of deploys and their logs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from easel.deploys.states import QUEUED
from easel.storage.database import Base


class Deploy(Base):
    """One accepted deploy of an app. `sequence` is its place among the app's deploys, in the order in which they were
    accepted.

    `status` goes queued → building → complete | failed, and never back. `bundle_key`, `manifest_key`, `version` and
    `outcome` (the result of the request to move the pointer) are the results of steps. A step that finds its result is
    skipped. `attempt` counts the runs. If another worker takes the deploy over, the first worker has an old number, so
    its writes have no effect.
    """

    __tablename__ = "deploy"
    __table_args__ = (
        UniqueConstraint("app_id", "sequence"),
        Index("ix_deploy_unfinished", "queued_at", postgresql_where=text("status in ('queued', 'building')")),
    )

    id: Mapped[str] = mapped_column(String, primary_key=True)
    org_id: Mapped[str] = mapped_column(String)
    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"))
    sequence: Mapped[int] = mapped_column(BigInteger)
    environment: Mapped[str] = mapped_column(String)
    source: Mapped[str] = mapped_column(String)
    bundle_s3_key: Mapped[str | None] = mapped_column(String)
    source_files_key: Mapped[str | None] = mapped_column(String)
    message: Mapped[str] = mapped_column(String)
    git_commit_sha: Mapped[str | None] = mapped_column(String)
    git_commit_message: Mapped[str | None] = mapped_column(String)
    git_author: Mapped[str | None] = mapped_column(String)
    git_branch: Mapped[str | None] = mapped_column(String)
    queued_by: Mapped[str] = mapped_column(String)
    queued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    status: Mapped[str] = mapped_column(String, default=QUEUED)
    step: Mapped[str | None] = mapped_column(String)
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    bundle_key: Mapped[str | None] = mapped_column(String)
    manifest_key: Mapped[str | None] = mapped_column(String)
    version: Mapped[int | None] = mapped_column(Integer)
    outcome: Mapped[str | None] = mapped_column(String)
    error: Mapped[str | None] = mapped_column(String)
    error_code: Mapped[str | None] = mapped_column(String)
    warnings: Mapped[list[str]] = mapped_column(JSONB, default=list)
    smoke_test: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    timings: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)
    counts: Mapped[dict[str, int] | None] = mapped_column(JSONB)
    build_config: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The deploy's settings for its build and for reading its bundle, which override the app's own `build_config`."""
    built_key: Mapped[str | None] = mapped_column(String)
    """The key of the bundle that a builder has built from the deploy's source. A deploy with such a bundle is not built
    again."""
    build: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The report of the deploy's build (`schemas.BuildReport`)."""


class DeployLogLine(Base):
    """One line of a deploy's log. `seq` is 1, 2, 3 … within the deploy."""

    __tablename__ = "deploy_log"

    deploy_id: Mapped[str] = mapped_column(ForeignKey("deploy.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    ts: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    line: Mapped[str] = mapped_column(String)


class BuildUsage(Base):
    """The total time for which builders worked for an organisation on one day (UTC)."""

    __tablename__ = "build_usage"

    org_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    milliseconds: Mapped[int] = mapped_column(BigInteger)
