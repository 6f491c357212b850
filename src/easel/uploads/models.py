"""The table of issued upload URLs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, DateTime, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from easel.storage.database import Base


class Upload(Base):
    """An upload URL that was issued, and the upload to it. Its object key belongs to one app. The row stays until the
    upload expires and is swept.

    `etag` and `size` (bytes) describe the last bytes that Easel's own upload endpoint received. For direct uploads to a
    bucket, they stay None. While the upload is `waiting` to be deployed, `counted` (bytes stored and in transit) counts
    against its organisation's limit.
    """

    __tablename__ = "upload"
    __table_args__ = (
        Index("ix_upload_created", "created_at"),
        Index("ix_upload_waiting", "org_id", postgresql_where=text("waiting"), postgresql_include=["counted"]),
    )

    key: Mapped[str] = mapped_column(String, primary_key=True)
    org_id: Mapped[str] = mapped_column(String)
    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"))
    filename: Mapped[str] = mapped_column(String)
    content_type: Mapped[str] = mapped_column(String)
    etag: Mapped[str | None] = mapped_column(String)
    size: Mapped[int | None] = mapped_column(BigInteger)
    waiting: Mapped[bool] = mapped_column(Boolean, default=True, server_default=false())
    counted: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
