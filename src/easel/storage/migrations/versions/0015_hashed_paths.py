"""hashed_path: records the content of each path of an app that may be named by a hash

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hashed_path",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("path", sa.BigInteger(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("content", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["app.id"], name=op.f("fk_hashed_path_app_id_app")),
        sa.PrimaryKeyConstraint("app_id", "path", name=op.f("pk_hashed_path")),
    )


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
