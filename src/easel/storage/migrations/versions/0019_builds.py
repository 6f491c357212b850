"""builds: what a deploy was built from, what of it is done, and the branch of its commit

Releases before this one do not know the jobs of builds, and leave them to workers and builders that do.

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
