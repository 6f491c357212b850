"""deploys: finds unfinished deploys without reading the finished ones

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_deploy_unfinished", "deploy", ["queued_at"], postgresql_where=sa.text("status in ('queued', 'building')")
    )


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
