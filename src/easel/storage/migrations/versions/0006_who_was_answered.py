"""remembered responses: each belongs to the API key that received it, and is encrypted

The responses remembered before this migration are deleted. No record says which key received them, and a response that
created a key contains its secret in clear. They would have been deleted within a day anyway.

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
