"""The tables of connected repositories, linked GitHub installations and received deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from easel.storage.database import Base


class Repository(Base):
    """The Git repository that an app follows: one branch, and the credential to read it.

    Columns whose names begin with `sealed` are encrypted with the instance's secret key. `allow` lists unsupported
    parts of a repository that do not stop a deploy.
    """

    __tablename__ = "repository"
    __table_args__ = (Index("ix_repository_github_installation", "github_installation_id"),)

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    repo_url: Mapped[str] = mapped_column(String)
    branch: Mapped[str] = mapped_column(String)
    provider: Mapped[str] = mapped_column(String)
    root: Mapped[str | None] = mapped_column(String)
    allow: Mapped[list[Any]] = mapped_column(JSONB)
    github_installation_id: Mapped[int | None] = mapped_column(BigInteger)
    username: Mapped[str | None] = mapped_column(String)
    sealed_token: Mapped[str | None] = mapped_column(String)
    sealed_deploy_key: Mapped[str | None] = mapped_column(String)
    deploy_key: Mapped[str | None] = mapped_column(String)
    """The public part of the deploy key, in OpenSSH's format."""
    known_hosts: Mapped[str | None] = mapped_column(String)
    sealed_webhook_secret: Mapped[str] = mapped_column(String)
    connected_by: Mapped[str] = mapped_column(String)
    connected_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class GithubInstallation(Base):
    """An installation of the GitHub App, for one app. Somebody in the app's organisation has proved that the
    installation belongs to them."""

    __tablename__ = "github_installation"
    __table_args__ = (Index("ix_github_installation_org_installation", "org_id", "installation_id"),)

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    installation_id: Mapped[int] = mapped_column(BigInteger)
    linked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class WebhookDelivery(Base):
    """A delivery of a webhook that was processed. If the same delivery comes again, it is ignored."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (Index("ix_webhook_delivery_received", "received_at"),)

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    delivery: Mapped[str] = mapped_column(String, primary_key=True)
    """SHA-256 (hex) of the kind of the Git host, and of the id that the host gives to the delivery."""
    org_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    deploy_id: Mapped[str | None] = mapped_column(String)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
