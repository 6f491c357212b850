"""app: no two live apps share the shortened form of a long slug

The addresses of staging, previews and versions truncate a long slug and append six hex digits of its hash. So few
digits make it easy to find another slug with the same ones. 42 characters of a slug remain after the longest prefix,
which is `pr-` and ten digits.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "uq_app_short_host_live",
        "app",
        [sa.text('("left"(slug::text, 42) || "left"(encode(sha256(slug::bytea), \'hex\'::text), 6))')],
        unique=True,
        postgresql_where=sa.text("deleted_at is null and length(slug) > 49"),
    )


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
