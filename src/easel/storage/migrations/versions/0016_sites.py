"""app.site: stores the settings that edges need of an app, updated whenever its configuration is published

Processes of earlier releases publish without updating the column. A trigger then clears the column, and the next reader
computes it again. Existing rows are filled in batches. Each batch is a transaction of its own, so the migration can be
run again from any point.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import json
from typing import Any, LiteralString

import psycopg
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SITE = """
alter table app add column if not exists site bytea;
create or replace function easel_app_site() returns trigger language plpgsql as $$
begin
    if new.site is not distinct from old.site then
        new.site := null;
    end if;
    return new;
end;
$$;
create or replace trigger easel_app_site before update of published on app
    for each row execute function easel_app_site();
"""

BATCH = 500
# The rows are locked, so that the stored value matches the published configuration. Secrets may be most of a section.
NEXT: LiteralString = """
select id, published -> 'meta' -> 'indexable', published -> 'build_config' -> 'env_vars' from app
 where id > %s and site is null and deleted_at is null order by id limit %s for no key update
"""
FILL: LiteralString = """
update app set site = given.site from unnest(%s::text[], %s::bytea[]) as given (app, site) where id = given.app
"""


def upgrade() -> None:
    bind = op.get_bind()
    connection = bind.connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    connection.execute(SITE.encode())
    # The commit unlocks the table. A row stays locked only for the time of its batch.
    bind.commit()
    connection.execute("set lock_timeout = 0")
    connection.commit()
    after = ""
    while True:
        with connection.transaction():
            rows = connection.execute(NEXT, (after, BATCH)).fetchall()
            if not rows:
                return
            connection.execute(FILL, ([row[0] for row in rows], [_site(*row[1:]) for row in rows]))
        after = rows[-1][0]


def _site(indexable: Any, variables: Any) -> bytes:
    """Returns the value for edges (serving/published.py), as it was when this migration was written."""
    told: dict[str, Any] = {"indexable": True} if indexable is True else {}
    held = variables if isinstance(variables, dict) else {}
    public = {n: str(v) for n, v in held.items() if n.upper() != "MIXPEEK_API_KEY" and v is not None}
    if public:
        told["variables"] = public
    return b"\x01" + json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
