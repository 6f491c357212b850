"""former_slug: records which app had a slug before it became free

A trigger writes the record, so that deletions and renames by apis of an earlier release are recorded during an upgrade
too. An app that never had a version served nothing at its addresses, so it gets no record. `freed_at` is the time that
is written with the change, from the same clock as all other times of the app.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NOTE = """
create function easel_note_former_slug() returns trigger language plpgsql as $$
begin
    insert into former_slug (slug, org_id, freed_at)
    values (old.slug, old.org_id, coalesce(new.deleted_at, new.updated_at))
    on conflict (slug) do update set org_id = excluded.org_id, freed_at = excluded.freed_at;
    return null;
end;
$$
"""
WHEN = """
create trigger easel_former_slug after update of slug, deleted_at on app for each row
when (old.deleted_at is null and old.last_version > 0
      and (new.slug is distinct from old.slug or new.deleted_at is not null))
execute function easel_note_former_slug()
"""
ALREADY_FREE = """
insert into former_slug (slug, org_id, freed_at)
select distinct on (slug) slug, org_id, deleted_at from app
 where deleted_at is not null and last_version > 0
 order by slug, deleted_at desc
"""


def upgrade() -> None:
    op.create_table(
        "former_slug",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("freed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organisation.id"], name=op.f("fk_former_slug_org_id_organisation")),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_former_slug")),
    )
    op.create_index(
        "ix_former_slug_short_host",
        "former_slug",
        [sa.text('("left"(slug::text, 42) || "left"(encode(sha256(slug::bytea), \'hex\'::text), 6))')],
        postgresql_where=sa.text("length(slug) > 49"),
    )
    op.create_index("ix_former_slug_freed_at", "former_slug", ["freed_at"])
    for statement in (NOTE, WHEN, ALREADY_FREE):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
