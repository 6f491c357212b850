"""queue: taking a job within limits, and only one that the worker knows

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# The job that procrastinate's own function would take, within limits that it does not have.
FETCH_JOB = """
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
    with candidate as (
        select j.id from procrastinate_jobs j
         where j.status = 'todo'
           and j.queue_name = any (p_queues)
           and j.task_name = any (p_tasks)
           and (j.scheduled_at is null or j.scheduled_at <= now())
           -- Two conditions in place of one: each has its index, and behind an app that is busy thousands may wait.
           and not exists (select from procrastinate_jobs o where o.lock = j.lock and o.status = 'doing')
           and not exists (
               select from procrastinate_jobs o
                where o.lock = j.lock and o.status = 'todo'
                  and (o.priority > j.priority or (o.priority = j.priority and o.id < j.id))
           )
           and (coalesce(cardinality(crowded), 0) = 0 or not exists (
               select from deploy d where d.id = j.args ->> 'deploy_id' and d.org_id = any (crowded)
           ))
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
"""


def upgrade() -> None:
    op.execute(FETCH_JOB)


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
