"""indexes: sweeps and edges find their rows without reading whole tables

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_app_gone", "app", ["deleted_at"], postgresql_where=sa.text("deleted_at is not null and swept_at is null")
    )
    # An app may have thousands of moves, and an edge reads only the moves of the last days.
    op.create_index("ix_audit_app_at", "audit", ["app_id", "at"])


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
