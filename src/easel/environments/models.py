"""The tables of environments (the pointers) and of the audit of every move."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, ForeignKeyConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from easel.storage.database import Base


class Environment(Base):
    """An environment of an app: a pointer to a complete version of the app, or to no version.

    `revision` counts the moves of the pointer. `intent` is the number of the deploy, restore or promotion that last
    moved the pointer. The number was assigned when that request was accepted. A move with a lower number is outdated
    and changes nothing.
    """

    __tablename__ = "environment"
    __table_args__ = (ForeignKeyConstraint(["app_id", "version"], ["version.app_id", "version.number"]),)

    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String, primary_key=True)
    org_id: Mapped[str] = mapped_column(String)
    version: Mapped[int | None] = mapped_column(Integer)
    deploy_id: Mapped[str | None] = mapped_column(String)
    revision: Mapped[int] = mapped_column(BigInteger, default=0)
    intent: Mapped[int] = mapped_column(BigInteger, default=0)
    moved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lock_reason: Mapped[str | None] = mapped_column(String)
    locked_by: Mapped[str | None] = mapped_column(String)
    locked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Audit(Base):
    """An entry in the audit of an environment's pointer: author, operation, and the versions before and after. The
    entry is written in the transaction of the move."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_app_env", "app_id", "environment", "id"),
        Index("ix_audit_app_at", "app_id", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    org_id: Mapped[str] = mapped_column(String)
    app_id: Mapped[str] = mapped_column(ForeignKey("app.id"))
    environment: Mapped[str] = mapped_column(String)
    action: Mapped[str] = mapped_column(String)
    actor: Mapped[str] = mapped_column(String)
    from_version: Mapped[int | None] = mapped_column(Integer)
    to_version: Mapped[int | None] = mapped_column(Integer)
    revision: Mapped[int] = mapped_column(BigInteger)
    deploy_id: Mapped[str | None] = mapped_column(String)
    note: Mapped[str | None] = mapped_column(String)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
