"""turns: organisations take turns in the queue, and uploads that wait to be deployed are counted

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# The organisation that owns a job. The installation's own jobs have no owner. A trigger sets the column, because
# earlier releases enqueue jobs too.
WHOSE = """
alter table procrastinate_jobs add column org_id varchar not null default '';
create function easel_whose_job() returns trigger language plpgsql as $$
begin
    new.org_id := coalesce(
        (select org_id from deploy where id = new.args ->> 'deploy_id'),
        (select org_id from app where id = new.args ->> 'app_id'),
        ''
    );
    return new;
end;
$$;
create trigger easel_whose_job before insert on procrastinate_jobs for each row execute function easel_whose_job();
update procrastinate_jobs j
   set org_id = coalesce(
       (select org_id from deploy where id = j.args ->> 'deploy_id'),
       (select org_id from app where id = j.args ->> 'app_id'),
       ''
   )
 where status in ('todo', 'doing');
create table queue_turn (
    queue_name varchar not null,
    org_id varchar not null,
    served_at timestamptz not null,
    primary key (queue_name, org_id)
) with (fillfactor = 50);
create index ix_easel_jobs_turn on procrastinate_jobs (queue_name, org_id, priority desc, id) where status = 'todo';
drop index ix_easel_jobs_lock;
create index ix_easel_jobs_lock on procrastinate_jobs (org_id, lock, priority desc, id)
 where status in ('todo', 'doing');
"""

# The conditions for a job to begin. The search for a job checks that it is the first of its lock.
MAY_BEGIN = """j.status = 'todo'
               and j.task_name = any (p_tasks)
               and (j.scheduled_at is null or j.scheduled_at <= now())
               and not exists (select from procrastinate_jobs o where o.lock = j.lock and o.status = 'doing')"""

# The function chooses the organisation first, and then its job. Thousands of jobs may wait for one app, for thousands
# of apps, or for thousands of organisations. In no case may the search be long. It therefore skips from one
# organisation to the next. For the chosen organisation, it first searches the oldest jobs, one of which may nearly
# always begin, and then the first job of each lock.
FETCH_JOB = f"""
create function easel_fetch_job(
    p_queues varchar[], p_tasks varchar[], p_worker bigint, p_everywhere integer, p_organisation integer,
    p_places integer
) returns setof procrastinate_jobs language plpgsql as $$
declare
    turn record;
    is_full boolean;
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
    end if;
    is_full := coalesce(p_places <= (
        select count(*) from procrastinate_jobs
         where status = 'doing' and worker_id = p_worker and queue_name = any (p_queues)
    ), false);
    for turn in
        with recursive waiting as (
            select q.name as queue, (
                select j.org_id from procrastinate_jobs j
                 where j.status = 'todo' and j.queue_name = q.name order by j.org_id limit 1
            ) as org from unnest(p_queues) q (name)
            union all
            select w.queue, (
                select j.org_id from procrastinate_jobs j
                 where j.status = 'todo' and j.queue_name = w.queue and j.org_id > w.org order by j.org_id limit 1
            ) from waiting w where w.org is not null
        ), running as (
            select org_id, count(*) as everywhere, count(*) filter (where worker_id = p_worker) as here
              from procrastinate_jobs
             where status = 'doing' and worker_id is not null and queue_name = any (p_queues)
             group by org_id
        )
        select w.queue, w.org
          from waiting w
         cross join lateral (
            select j.priority, j.id from procrastinate_jobs j
             where j.status = 'todo' and j.queue_name = w.queue and j.org_id = w.org
             order by j.priority desc, j.id limit 1
         ) head
          left join running r on r.org_id = w.org
          left join queue_turn t on t.queue_name = w.queue and t.org_id = w.org
         where (p_organisation is null or coalesce(r.everywhere, 0) < p_organisation)
           and (not is_full or coalesce(r.here, 0) = 0)
         order by head.priority desc, coalesce(r.everywhere, 0), t.served_at nulls first, head.id
    loop
        return query
        with oldest as materialized (
            select id from procrastinate_jobs
             where status = 'todo' and queue_name = turn.queue and org_id = turn.org
             order by priority desc, id limit 50
        ), candidate as (
            select j.id from procrastinate_jobs j
             where j.id in (select id from oldest)
               and {MAY_BEGIN}
               and (j.lock is null or j.id = (
                   select o.id from procrastinate_jobs o
                    where o.org_id = turn.org and o.lock = j.lock and o.status = 'todo'
                    order by o.priority desc, o.id limit 1
               ))
             order by j.priority desc, j.id
             limit 1
               for update of j skip locked
        )
        update procrastinate_jobs j set status = 'doing', worker_id = p_worker
          from candidate where j.id = candidate.id
        returning j.*;
        if not found then
            return query
            with recursive locks as (
                (select lock from procrastinate_jobs
                  where org_id = turn.org and status in ('todo', 'doing') and lock is not null order by lock limit 1)
                union all
                select (select o.lock from procrastinate_jobs o
                         where o.org_id = turn.org and o.status in ('todo', 'doing') and o.lock > locks.lock
                         order by o.lock limit 1)
                  from locks where locks.lock is not null
            ), first as materialized (
                select head.id from locks cross join lateral (
                    select o.id from procrastinate_jobs o
                     where o.org_id = turn.org and o.lock = locks.lock and o.status = 'todo'
                     order by o.priority desc, o.id limit 1
                ) head
            ), candidate as (
                select j.id from procrastinate_jobs j
                 where j.id in (select id from first)
                   and j.queue_name = turn.queue
                   and {MAY_BEGIN}
                 order by j.priority desc, j.id
                 limit 1
                   for update of j skip locked
            )
            update procrastinate_jobs j set status = 'doing', worker_id = p_worker
              from candidate where j.id = candidate.id
            returning j.*;
        end if;
        if found then
            insert into queue_turn values (turn.queue, turn.org, clock_timestamp())
                on conflict (queue_name, org_id) do update set served_at = excluded.served_at;
            return;
        end if;
    end loop;
end;
$$;
"""  # noqa: S608 (made of constants)

# The function's signature in earlier releases.
AS_BEFORE = """
create or replace function easel_fetch_job(
    p_queues varchar[], p_tasks varchar[], p_worker bigint, p_everywhere integer, p_organisation integer
) returns setof procrastinate_jobs language plpgsql as $$
begin
    return query select * from easel_fetch_job(p_queues, p_tasks, p_worker, p_everywhere, p_organisation, null);
end;
$$;
"""

# Lets an upload of this many bytes begin, if the organisation's waiting uploads stay within the limit. Two concurrent
# counts would both take the remaining bytes, so one counts after the other. A crash may lose a grant together with the
# upload itself, so nothing waits for the disk.
GRANT_UPLOAD = """
create function easel_grant_upload(p_key varchar, p_length bigint, p_most bigint)
returns table (granted boolean, used bigint, oldest timestamptz) language plpgsql as $$
declare
    organisation varchar;
begin
    perform set_config('synchronous_commit', 'off', true);
    select u.org_id into organisation
      from upload u join app a on a.id = u.app_id where u.key = p_key and a.deleted_at is null;
    if not found then
        return;
    end if;
    perform pg_advisory_xact_lock(x'6561736c'::integer, hashtext(organisation));
    select coalesce(sum(u.counted), 0), min(u.created_at) into used, oldest
      from upload u where u.org_id = organisation and u.waiting;
    granted := p_most is null or used + p_length <= p_most;
    if granted then
        update upload u set waiting = true, counted = case when u.waiting then u.counted else coalesce(u.size, 0) end
                                                       + p_length
         where u.key = p_key;
    end if;
    return next;
end;
$$;
"""


def upgrade() -> None:
    op.execute(WHOSE)
    op.execute(FETCH_JOB)
    op.execute(AS_BEFORE)
    # Uploads that an older release has issued do not count, because they are swept within a day.
    op.add_column("upload", sa.Column("waiting", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("upload", sa.Column("counted", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index(
        "ix_upload_waiting", "upload", ["org_id"], postgresql_where=sa.text("waiting"), postgresql_include=["counted"]
    )
    op.execute(GRANT_UPLOAD)


def downgrade() -> None:
    raise NotImplementedError("Easel's schema only goes forward; restore a backup instead.")
