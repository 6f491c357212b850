"""queue: procrastinate's tables, waking of the next job of an app, and versions that cannot change

Revision ID: 0002
Revises: 0001
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Without this trigger, only the worker's next poll would find a job that waited for another job's lock, or was put
# back.
WAKE_NEXT = """
create function easel_wake_next_job() returns trigger language plpgsql as $$
declare
    note text := json_build_object('type', 'job_inserted', 'job_id', old.id)::text;
begin
    if old.status <> 'doing' or (tg_op = 'UPDATE' and new.status = 'doing') then
        return null;
    end if;
    if (tg_op = 'UPDATE' and new.status = 'todo') or (old.lock is not null and exists (
            select 1 from procrastinate_jobs where lock = old.lock and status = 'todo' and id <> old.id)) then
        perform pg_notify('procrastinate_any_queue_v1', note);
        perform pg_notify('procrastinate_queue_v1#' || old.queue_name, note);
    end if;
    return null;
end;
$$;
create trigger easel_wake_next_job after update of status or delete on procrastinate_jobs
    for each row execute function easel_wake_next_job();
"""

IMMUTABLE_VERSIONS = """
create function easel_version_is_immutable() returns trigger language plpgsql as $$
begin
    raise exception 'version % of % is immutable', old.number, old.app_id;
end;
$$;
create trigger easel_version_is_immutable before update on version
    for each row execute function easel_version_is_immutable();
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    with connection.cursor() as cursor:
        cursor.execute(SchemaManager.get_schema())
        cursor.execute(WAKE_NEXT)
        cursor.execute(IMMUTABLE_VERSIONS)


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
