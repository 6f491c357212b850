"""builds: stores the source of a deploy's build, its progress, and the branch of its commit

Earlier releases do not know the jobs of builds, and leave them to newer workers and builders.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deploy", sa.Column("git_branch", sa.String(), nullable=True))
    op.add_column("deploy", sa.Column("built_key", sa.String(), nullable=True))
    op.add_column("deploy", sa.Column("build", postgresql.JSONB(), nullable=True))
    op.add_column("version", sa.Column("git_branch", sa.String(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
