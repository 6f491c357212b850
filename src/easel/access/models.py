"""The tables of organisations, API keys and remembered responses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, DateTime, ForeignKey, Index, Integer, String, false, func
from sqlalchemy.orm import Mapped, mapped_column

from easel.storage.database import Base


class Organisation(Base):
    """A tenant. Each row of the other tables belongs to exactly one organisation."""

    __tablename__ = "organisation"

    id: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str] = mapped_column(String)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ApiKey(Base):
    """A key of an organisation. Only the SHA-256 of its secret is stored."""

    __tablename__ = "api_key"
    __table_args__ = (Index("ix_api_key_org", "org_id", "created_at"),)

    id: Mapped[str] = mapped_column(String, primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str] = mapped_column(String)
    hash: Mapped[str] = mapped_column(String, unique=True)
    hint: Mapped[str] = mapped_column(String)
    scope: Mapped[str] = mapped_column(String)
    app_id: Mapped[str | None] = mapped_column(ForeignKey("app.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class RememberedAnswer(Base):
    """The first response that a subject got to a POST with an Idempotency-Key. The response is encrypted, and stored
    for a day. A large response is `abridged`: the parts that the database can restore are left out."""

    __tablename__ = "remembered_answer"
    __table_args__ = (Index("ix_remembered_answer_created", "created_at"),)

    org_id: Mapped[str] = mapped_column(String, primary_key=True)
    subject_id: Mapped[str] = mapped_column("key_id", String, primary_key=True)
    key: Mapped[str] = mapped_column(String, primary_key=True)
    request_hash: Mapped[str] = mapped_column(String)
    status: Mapped[int] = mapped_column(Integer)
    body: Mapped[str] = mapped_column(String)
    abridged: Mapped[bool] = mapped_column(Boolean, server_default=false())
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Instance(Base):
    """A fact about the whole installation, such as the fingerprint of its secret key, under its name."""

    __tablename__ = "instance"

    name: Mapped[str] = mapped_column(String, primary_key=True)
    value: Mapped[str] = mapped_column(String)
