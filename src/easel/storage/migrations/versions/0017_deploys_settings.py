"""deploy.build_config: what a deploy asks of how its bundle is read

Workers of the releases before read the bundle as the app's own configuration says.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deploy", sa.Column("build_config", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
