"""The tables of apps."""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString

from sqlalchemy import BigInteger, Boolean, DateTime, ForeignKey, Index, Integer, LargeBinary, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from easel.serving.addresses import DIGITS, LEAST_CUT, UNCUT
from easel.storage.database import Base, Xid8


def short_host(slug: LiteralString) -> LiteralString:
    """Returns an SQL expression for the part that all shortened addresses of a long slug have in common: the slug's
    first characters and a hash (migration 0007)."""
    return f'("left"({slug}::text, {LEAST_CUT}) || "left"(encode(sha256({slug}::bytea), \'hex\'::text), {DIGITS}))'


def is_cut(slug: LiteralString) -> LiteralString:
    """Returns an SQL expression that is true if any address of the slug is shortened."""
    return f"length({slug}) > {UNCUT}"


_SHORT_HOST = text(short_host("slug"))


class App(Base):
    """A hosted web app.

    `draft` is the configuration that PATCH changes. `published` is the configuration that visitors get.
    `published_version` is the number of the version that recorded this configuration, or None while the app has its
    first configuration. Both configurations may be large, so neither is loaded with the row. Their hashes are None if a
    release up to 0.2.0 wrote them (see `service.with_hashes`). `site` is the published configuration in the form that
    edges read. If it is None, each reader computes it (see `serving/published.py`). `listed` is the part of the draft
    that lists show. A trigger writes this part. `last_version` and `last_sequence` are the counters of version numbers
    and of the acceptance order. Both change only while this row is locked. `build_cache_generation` counts how often
    the app's build cache was cleared. `prunings` counts how often the app's versions were pruned, and shows edges that
    a version was pruned. `changed_xid` is the transaction that last changed the app's routing.
    """

    __tablename__ = "app"
    __table_args__ = (
        Index("uq_app_slug_live", "slug", unique=True, postgresql_where=text("deleted_at is null")),
        Index(
            "uq_app_short_host_live",
            _SHORT_HOST,
            unique=True,
            postgresql_where=text(f"deleted_at is null and {is_cut('slug')}"),
        ),
        Index("ix_app_org_created", "org_id", "created_at", "id"),
        Index("ix_app_changed_xid", "changed_xid"),
        Index("ix_app_gone", "deleted_at", postgresql_where=text("deleted_at is not null and swept_at is null")),
    )

    id: Mapped[str] = mapped_column(String, primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    slug: Mapped[str] = mapped_column(String)
    namespace: Mapped[str | None] = mapped_column(String)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    draft: Mapped[dict[str, Any]] = mapped_column(JSONB, deferred=True, deferred_raiseload=True)
    published: Mapped[dict[str, Any]] = mapped_column(JSONB, deferred=True, deferred_raiseload=True)
    draft_hash: Mapped[str | None] = mapped_column(String)
    published_hash: Mapped[str | None] = mapped_column(String)
    site: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    listed: Mapped[dict[str, Any] | None] = mapped_column(JSONB, deferred=True, deferred_raiseload=True)
    published_version: Mapped[int | None] = mapped_column(Integer)
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_version: Mapped[int] = mapped_column(Integer, default=0)
    last_sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    prunings: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    build_cache_generation: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    swept_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    changed_xid: Mapped[int] = mapped_column(Xid8, server_default=func.pg_current_xact_id())


class FormerSlug(Base):
    """A slug that an app with versions had before it was renamed or deleted, and the organisation that had the slug
    last. A trigger writes the row (migration 0014)."""

    __tablename__ = "former_slug"
    __table_args__ = (
        Index("ix_former_slug_short_host", _SHORT_HOST, postgresql_where=text(is_cut("slug"))),
        Index("ix_former_slug_freed_at", "freed_at"),
    )

    slug: Mapped[str] = mapped_column(String, primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    freed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
