"""The tables of versions, and of the variants (compressed forms) of their files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, ForeignKeyConstraint, Integer, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from easel.storage.database import Base


class Configuration(Base):
    """A configuration of an app. It is stored once for all versions of the app that have it.

    The hash is computed from digests of the secrets instead of the encrypted secrets. Two configurations with the same
    hash may be encrypted differently, but decrypt to the same values, because their digests were made with the same
    key.
    """

    __tablename__ = "configuration"

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String, primary_key=True)
    org_id: Mapped[str] = mapped_column(String)
    config: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Version(Base):
    """An immutable, numbered version: manifest and configuration together. Rows are inserted, never updated.

    `kind` is 'deploy' or 'publish'. `manifest_key` is None if the configuration was published before the first deploy.
    `files_hash` is the hash of paths and contents, and `config_hash` the hash of the configuration, which
    `configuration` stores under this hash. `config_version` is the number of the publish that the configuration comes
    from. For a publish, `previous_published` is the version whose configuration was live before. A rollback makes the
    configuration of this version live again.
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
    # Releases up to 0.2.0 write the configuration to this column. A trigger moves the configuration to its own table,
    # so the column is always null.
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
    """Marks a version as pruned, so that its bundle is deleted. The mark is in a separate row, because a version's row
    never changes."""

    __tablename__ = "pruned"
    __table_args__ = (ForeignKeyConstraint(["app_id", "number"], ["version.app_id", "version.number"]),)

    app_id: Mapped[str] = mapped_column(String, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    org_id: Mapped[str] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class HashedPath(Base):
    """The content of a path whose name may contain a hash, over all versions of the app. The columns contain the first
    eight bytes of the hashes of path and content. The content is 0 if two versions had different content at the
    path."""

    __tablename__ = "hashed_path"

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    path: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    org_id: Mapped[str] = mapped_column(String)
    content: Mapped[int] = mapped_column(BigInteger)


class Variants(Base):
    """The key of the object with the variants (compressed forms) of a manifest's files. The row exists once the
    background job has stored this object."""

    __tablename__ = "variants"

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    manifest_key: Mapped[str] = mapped_column(String, primary_key=True)
    object_key: Mapped[str] = mapped_column(String)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
