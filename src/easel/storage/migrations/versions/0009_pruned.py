"""versions: marks versions whose bundles are deleted, so that no pointer moves to them

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Pruning locks the app's row. Moving a pointer locks the same row first, so one of them sees the other's change.
REFUSE_PRUNED = """
create function easel_refuse_pruned() returns trigger language plpgsql as $$
begin
    if exists (select from pruned where app_id = new.app_id and number = new.version) then
        raise exception 'version % of % is pruned', new.version, new.app_id using errcode = 'EAP01';
    end if;
    return new;
end;
$$;
create trigger easel_refuse_pruned before update of version on environment
    for each row when (new.version is distinct from old.version) execute function easel_refuse_pruned();
"""


def upgrade() -> None:
    op.create_table(
        "pruned",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id", "number"], ["version.app_id", "version.number"], name=op.f("fk_pruned_app_id_version")
        ),
        sa.PrimaryKeyConstraint("app_id", "number", name=op.f("pk_pruned")),
    )
    op.add_column("app", sa.Column("prunings", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.execute(REFUSE_PRUNED)


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
