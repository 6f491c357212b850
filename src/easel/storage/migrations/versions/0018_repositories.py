"""repository, github_installation, webhook_delivery: the branch that an app follows, and the received webhooks

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _owners(table: str) -> tuple[sa.ForeignKeyConstraint, sa.ForeignKeyConstraint]:
    return (
        sa.ForeignKeyConstraint(["app_id"], ["app.id"], name=op.f(f"fk_{table}_app_id_app")),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.id"], name=op.f(f"fk_{table}_org_id_organisation")),
    )


def upgrade() -> None:
    op.create_table(
        "repository",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("repo_url", sa.String(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("root", sa.String(), nullable=True),
        sa.Column("allow", postgresql.JSONB(), nullable=False),
        sa.Column("github_installation_id", sa.BigInteger(), nullable=True),
        sa.Column("username", sa.String(), nullable=True),
        sa.Column("sealed_token", sa.String(), nullable=True),
        sa.Column("sealed_deploy_key", sa.String(), nullable=True),
        sa.Column("deploy_key", sa.String(), nullable=True),
        sa.Column("known_hosts", sa.String(), nullable=True),
        sa.Column("sealed_webhook_secret", sa.String(), nullable=False),
        sa.Column("connected_by", sa.String(), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        *_owners("repository"),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_repository")),
    )
    op.create_index("ix_repository_github_installation", "repository", ["github_installation_id"])
    op.create_table(
        "github_installation",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        *_owners("github_installation"),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_github_installation")),
    )
    op.create_index("ix_github_installation_org_installation", "github_installation", ["org_id", "installation_id"])
    op.create_table(
        "webhook_delivery",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("delivery", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("deploy_id", sa.String(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        *_owners("webhook_delivery"),
        sa.PrimaryKeyConstraint("app_id", "delivery", name=op.f("pk_webhook_delivery")),
    )
    op.create_index("ix_webhook_delivery_received", "webhook_delivery", ["received_at"])


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
