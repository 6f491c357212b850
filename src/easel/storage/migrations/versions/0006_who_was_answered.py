"""remembered answers: each belongs to the API key that got it, and is sealed

The answers remembered until now are forgotten: it is not recorded which key got them, and those that made a key hold
its secret in clear. They would have been forgotten within a day.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("truncate remembered_answer")
    op.drop_constraint("pk_remembered_answer", "remembered_answer", type_="primary")
    op.add_column("remembered_answer", sa.Column("key_id", sa.String(), nullable=False))
    op.alter_column(
        "remembered_answer", "body", type_=sa.String(), nullable=False, postgresql_using="convert_from(body, 'UTF8')"
    )
    op.create_primary_key("pk_remembered_answer", "remembered_answer", ["org_id", "key_id", "key"])


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
