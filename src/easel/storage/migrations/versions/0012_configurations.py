"""configurations: each is stored once, under its hash, and an app's row has the fields that lists show

Existing rows are moved in batches. Each batch is a transaction of its own, so the migration can be run again from any
point. Processes of earlier releases continue to write whole configurations during an upgrade. Triggers move these to
the new table.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
create table if not exists configuration (
    app_id varchar not null,
    hash varchar not null,
    org_id varchar not null,
    config jsonb not null,
    constraint pk_configuration primary key (app_id, hash),
    constraint fk_configuration_app_id_app foreign key (app_id) references app (id)
);
alter table app add column if not exists draft_hash varchar, add column if not exists published_hash varchar,
    add column if not exists listed jsonb;
alter table version alter column config drop not null;
alter table remembered_answer add column if not exists abridged boolean not null default false;
"""

# A string may have twenty thousand characters, and a list has a thousand apps.
LISTED = """
create or replace function easel_listed(draft jsonb) returns jsonb language sql immutable as $$
select jsonb_build_object(
    'template', coalesce(left(d.template #>> '{}', 1000), 'generic'),
    'monitoring_config', case when length(d.monitoring_config::text) <= 4000 then d.monitoring_config end,
    'meta', jsonb_build_object(
        'title', left(d.meta ->> 'title', 1000),
        'description', case when length(d.meta ->> 'description') <= 1000 then d.meta -> 'description' end,
        'logo_url', case when length(d.meta ->> 'logo_url') <= 1000 then d.meta -> 'logo_url' end,
        'favicon_url', case when length(d.meta ->> 'favicon_url') <= 1000 then d.meta -> 'favicon_url' end,
        'indexable', d.meta -> 'indexable'))
  from jsonb_to_record(draft) as d (meta jsonb, template jsonb, monitoring_config jsonb)
$$;
"""

# A process of an earlier release writes no hashes. If it changes a configuration, the hash is unknown until it is
# needed. The process does not find a version's configuration either, and must not take the missing configuration for an
# empty one.
APP_TRIGGERS = """
create or replace function easel_app_draft() returns trigger language plpgsql as $$
begin
    if jsonb_typeof(new.draft) <> 'object' then
        raise exception 'the draft of % is no configuration', new.id;
    end if;
    if tg_op = 'UPDATE' then
        if new.draft_hash is not distinct from old.draft_hash and new.draft is distinct from old.draft then
            new.draft_hash := null;
        end if;
    end if;
    new.listed := easel_listed(new.draft);
    return new;
end;
$$;
create or replace trigger easel_app_draft before insert or update of draft on app
    for each row execute function easel_app_draft();

create or replace function easel_app_published() returns trigger language plpgsql as $$
begin
    if jsonb_typeof(new.published) <> 'object' then
        raise exception 'what is published of % is no configuration', new.id;
    end if;
    if new.published_hash is not distinct from old.published_hash and new.published is distinct from old.published then
        new.published_hash := null;
    end if;
    return new;
end;
$$;
create or replace trigger easel_app_published before update of published on app
    for each row execute function easel_app_published();
"""

VERSION_TRIGGERS = """
create or replace function easel_version_configuration() returns trigger language plpgsql as $$
begin
    insert into configuration (app_id, hash, org_id, config)
    values (new.app_id, new.config_hash, new.org_id, new.config) on conflict do nothing;
    new.config := null;
    return new;
end;
$$;
create or replace trigger easel_version_configuration before insert on version
    for each row when (new.config is not null) execute function easel_version_configuration();

create or replace function easel_version_is_immutable() returns trigger language plpgsql as $$
begin
    -- Its configuration may move to where each is stored once, and nothing else changes with that.
    if new.config is null and old.config is not null and exists (
        select from configuration c where c.app_id = old.app_id and c.hash = old.config_hash
    ) then
        new := old;
        new.config := null;
        return new;
    end if;
    raise exception 'version % of % is immutable', old.number, old.app_id;
end;
$$;
"""

BATCH = 500
NEXT_VERSIONS: LiteralString = (
    "select app_id, number from version where (app_id, number) > (%s, %s) order by app_id, number limit %s"
)
COPY: LiteralString = """
insert into configuration (app_id, hash, org_id, config)
select distinct on (app_id, config_hash) app_id, config_hash, org_id, config from version
 where (app_id, number) > (%s, %s) and (app_id, number) <= (%s, %s) and config is not null
 order by app_id, config_hash
    on conflict do nothing
"""
EMPTY: LiteralString = (
    "update version set config = null"
    " where (app_id, number) > (%s, %s) and (app_id, number) <= (%s, %s) and config is not null"
)
# The rows are locked, so that the hash matches the stored configuration.
NEXT_APPS: LiteralString = """
select id, draft, published from app
 where id > %s and (draft_hash is null or published_hash is null or listed is null)
 order by id limit %s for no key update
"""
HASHED: LiteralString = """
update app set draft_hash = given.of_draft, published_hash = given.of_published, listed = easel_listed(draft)
  from unnest(%s::text[], %s::text[], %s::text[]) as given (app, of_draft, of_published) where id = given.app
"""


def upgrade() -> None:
    bind = op.get_bind()
    connection = bind.connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    for statements in (TABLES, LISTED, APP_TRIGGERS, VERSION_TRIGGERS):
        connection.execute(statements.encode())
    # The commit unlocks the tables. A row stays locked only for the time of its batch.
    bind.commit()
    connection.execute("set lock_timeout = 0")
    connection.commit()
    _hash_apps(connection)
    _move_configurations(connection)


def _move_configurations(connection: psycopg.Connection[Any]) -> None:
    after = ("", 0)
    while True:
        with connection.transaction():
            rows = connection.execute(NEXT_VERSIONS, (*after, BATCH)).fetchall()
            if not rows:
                return
            connection.execute(COPY, (*after, *rows[-1]))
            connection.execute(EMPTY, (*after, *rows[-1]))
        after = rows[-1]


def _hash_apps(connection: psycopg.Connection[Any]) -> None:
    after = ""
    while True:
        hashed: list[tuple[str, str, str]] = []
        with connection.transaction():
            # One row at a time, because a row may have four mebibytes.
            for app_id, draft, published in connection.cursor().stream(NEXT_APPS, (after, BATCH)):
                hashed.append((app_id, _hash(draft), _hash(published)))
            if not hashed:
                return
            connection.execute(HASHED, [list(column) for column in zip(*hashed, strict=True)])
        after = hashed[-1][0]


def _hash(config: Any) -> str:
    """Returns the hash of a configuration (apps/config.py), as it was when this migration was written."""
    text = json.dumps(_comparable(config), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.keys() == {"$sealed", "$digest"} and isinstance(value["$sealed"], str):
            return {"$digest": value["$digest"]}
        return {name: _comparable(inner) for name, inner in value.items()}
    return [_comparable(inner) for inner in value] if isinstance(value, list) else value


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
