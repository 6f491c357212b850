"""Versions, and the optimised variants of their files, as they are stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, ForeignKeyConstraint, Integer, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from easel.storage.database import Base


class Configuration(Base):
    """A configuration of versions of an app, stored once for all that have it.

    The hash covers digests in place of sealed secrets. Two with one hash may be sealed differently, but each opens to
    the same values: the digest is made with the key under which they are sealed.
    """

    __tablename__ = "configuration"

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String, primary_key=True)
    org_id: Mapped[str] = mapped_column(String)
    config: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Version(Base):
    """An immutable, numbered version: manifest and configuration together. Rows are inserted, never updated.

    `kind` is 'deploy' or 'publish'. `manifest_key` is None for a publish before any code. `files_hash` is the hash of
    paths and contents alone, `config_hash` of the configuration alone, under which it is in `configuration`;
    `config_version` is the publish that the configuration is from. `previous_published` is, for a publish, the
    version whose configuration was live before: what a rollback goes back to.
    """

    __tablename__ = "version"

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    org_id: Mapped[str] = mapped_column(String)
    kind: Mapped[str] = mapped_column(String)
    deploy_id: Mapped[str | None] = mapped_column(String, index=True)
    environment: Mapped[str] = mapped_column(String)
    manifest_key: Mapped[str | None] = mapped_column(String)
    bundle_key: Mapped[str | None] = mapped_column(String)
    bundle_name: Mapped[str | None] = mapped_column(String)
    files_hash: Mapped[str | None] = mapped_column(String)
    # Releases up to 0.2.0 write the configuration here; a trigger moves it to its own table, so the column is always
    # null.
    config: Mapped[dict[str, Any] | None] = mapped_column(JSONB, deferred=True, deferred_raiseload=True)
    config_hash: Mapped[str] = mapped_column(String)
    content_hash: Mapped[str] = mapped_column(String)
    config_version: Mapped[int | None] = mapped_column(Integer)
    previous_published: Mapped[int | None] = mapped_column(Integer)
    source_files_key: Mapped[str | None] = mapped_column(String)
    file_count: Mapped[int] = mapped_column(Integer, default=0)
    total_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    message: Mapped[str | None] = mapped_column(String)
    deployed_by: Mapped[str | None] = mapped_column(String)
    deployed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    build_duration_ms: Mapped[int | None] = mapped_column(Integer)
    git_commit_sha: Mapped[str | None] = mapped_column(String)
    git_commit_message: Mapped[str | None] = mapped_column(String)
    git_author: Mapped[str | None] = mapped_column(String)
    git_branch: Mapped[str | None] = mapped_column(String)


class PrunedVersion(Base):
    """Marks a version whose bundle is deleted. A row of its own, since a version never changes."""

    __tablename__ = "pruned"
    __table_args__ = (ForeignKeyConstraint(["app_id", "number"], ["version.app_id", "version.number"]),)

    app_id: Mapped[str] = mapped_column(String, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    org_id: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class HashedPath(Base):
    """The content of a path that may be named by a hash, over the app's versions, pruned ones too: the first eight
    bytes of the path's hash and of its content's, 0 once two versions had different content there."""

    __tablename__ = "hashed_path"

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    path: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    org_id: Mapped[str] = mapped_column(String)
    content: Mapped[int] = mapped_column(BigInteger)


class Variants(Base):
    """The object with better-compressed variants of a manifest's files, once the background job has made it."""

    __tablename__ = "variants"

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    manifest_key: Mapped[str] = mapped_column(String, primary_key=True)
    object_key: Mapped[str] = mapped_column(String)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
