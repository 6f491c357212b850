-- name: fetch
-- In place of procrastinate's own (migration 0013). Only what this release knows: a task that a newer one has put there is for
-- the newer one's workers. Most polls find no job: the function, which takes several times as long, is not called then.
select id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts, worker_id
  from easel_fetch_job(
       %(queues)s::varchar[], %(tasks)s::varchar[], %(worker)s, %(everywhere)s, %(organisation)s, %(places)s)
 where exists (
     select from procrastinate_jobs where status = 'todo' and queue_name = any (%(queues)s::varchar[]))

-- name: take_over
-- Several workers look at once: what one of them has put back is not silent any more when the next one gets to it.
with silent as materialized (
    select job.id, task_name from procrastinate_jobs job
      left join procrastinate_workers worker on worker.id = job.worker_id
     where job.status = 'doing'
       and (worker.id is null or worker.last_heartbeat < now() - make_interval(secs => %(silent_for)s))
       for update of job skip locked
)
select id, task_name, procrastinate_retry_job_v2(id, now(), null, null, null) from silent

-- name: waits
-- Of procrastinate's tables, which have no models here.
select exists (
    select from procrastinate_jobs
     where queue_name = %(queue)s and status = 'todo' and (scheduled_at is null or scheduled_at <= now())
) as waits
