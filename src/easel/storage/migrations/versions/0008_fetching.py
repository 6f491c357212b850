"""queue: takes a job within limits, and only a job that the worker knows

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# The conditions for a job to begin. The search for a job checks that it is the first of its lock.
MAY_BEGIN = """j.status = 'todo'
           and j.queue_name = any (p_queues)
           and j.task_name = any (p_tasks)
           and (j.scheduled_at is null or j.scheduled_at <= now())
           and not exists (select from procrastinate_jobs o where o.lock = j.lock and o.status = 'doing')
           and (coalesce(cardinality(crowded), 0) = 0 or not exists (
               select from deploy d where d.id = j.args ->> 'deploy_id' and d.org_id = any (crowded)
           ))"""

# Claims the job that procrastinate's own function would claim, but within limits that procrastinate lacks. Thousands of
# jobs may wait for one app, or for thousands of apps of an organisation that has reached its limit. Neither may make a
# search long. The function therefore first searches the oldest jobs, one of which may nearly always begin, and then the
# first job of each lock.
FETCH_JOB = f"""
create function easel_fetch_job(
    p_queues varchar[], p_tasks varchar[], p_worker bigint, p_everywhere integer, p_organisation integer
) returns setof procrastinate_jobs language plpgsql as $$
declare
    crowded varchar[];
begin
    if p_everywhere is not null or p_organisation is not null then
        -- Counting and taking are one: two workers that count at the same time would both take the last place.
        perform pg_advisory_xact_lock(x'456173656c01'::bigint);
        if p_everywhere <= (
            select count(*) from procrastinate_jobs
             where status = 'doing' and worker_id is not null and queue_name = any (p_queues)
        ) then
            return;
        end if;
        crowded := array(
            select d.org_id from procrastinate_jobs j join deploy d on d.id = j.args ->> 'deploy_id'
             where j.status = 'doing' and j.worker_id is not null and j.queue_name = any (p_queues)
             group by d.org_id having count(*) >= p_organisation
        );
    end if;
    return query
    with oldest as materialized (
        select id from procrastinate_jobs
         where status = 'todo' and queue_name = any (p_queues) order by priority desc, id limit 50
    ), candidate as (
        select j.id from procrastinate_jobs j
         where j.id in (select id from oldest)
           and {MAY_BEGIN}
           and (j.lock is null or j.id = (
               select o.id from procrastinate_jobs o where o.lock = j.lock and o.status = 'todo'
                order by o.priority desc, o.id limit 1
           ))
         order by j.priority desc, j.id
         limit 1
           for update of j skip locked
    )
    update procrastinate_jobs j set status = 'doing', worker_id = p_worker
      from candidate where j.id = candidate.id
    returning j.*;
    if found then
        return;
    end if;
    return query
    with recursive locks as (
        (select lock from procrastinate_jobs
          where status in ('todo', 'doing') and lock is not null order by lock limit 1)
        union all
        select (select o.lock from procrastinate_jobs o
                 where o.status in ('todo', 'doing') and o.lock > locks.lock order by o.lock limit 1)
          from locks where locks.lock is not null
    ), first as materialized (
        select head.id from locks cross join lateral (
            select o.id from procrastinate_jobs o where o.lock = locks.lock and o.status = 'todo'
             order by o.priority desc, o.id limit 1
        ) head
        union all
        (select id from procrastinate_jobs
          where status = 'todo' and lock is null and queue_name = any (p_queues) order by priority desc, id limit 50)
    ), candidate as (
        select j.id from procrastinate_jobs j
         where j.id in (select id from first)
           and {MAY_BEGIN}
         order by j.priority desc, j.id
         limit 1
           for update of j skip locked
    )
    update procrastinate_jobs j set status = 'doing', worker_id = p_worker
      from candidate where j.id = candidate.id
    returning j.*;
end;
$$;
create index ix_easel_jobs_lock on procrastinate_jobs (lock, priority desc, id) where status in ('todo', 'doing');
"""  # noqa: S608 (made of constants)


def upgrade() -> None:
    op.execute(FETCH_JOB)


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
