-- name: fetch
-- Replaces procrastinate's own function (migration 0013). Claims only jobs of tasks that this release knows, because workers of
-- newer releases run newer tasks. Most polls find no job. In that case, the function, which takes several times as long, is not
-- called.
select id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts, worker_id
  from easel_fetch_job(
       %(queues)s::varchar[], %(tasks)s::varchar[], %(worker)s, %(everywhere)s, %(organisation)s, %(places)s)
 where exists (
     select from procrastinate_jobs where status = 'todo' and queue_name = any (%(queues)s::varchar[]))

-- name: take_over
-- Several workers may run this statement at once. A job that one worker has put back is no longer stalled when the next worker
-- reaches it.
with silent as materialized (
    select job.id, task_name from procrastinate_jobs job
      left join procrastinate_workers worker on worker.id = job.worker_id
     where job.status = 'doing'
       and (worker.id is null or worker.last_heartbeat < now() - make_interval(secs => %(silent_for)s))
       for update of job skip locked
)
select id, task_name, procrastinate_retry_job_v2(id, now(), null, null, null) from silent

-- name: waits
-- Reads procrastinate's tables, for which Easel has no models.
select exists (
    select from procrastinate_jobs
     where queue_name = %(queue)s and status = 'todo' and (scheduled_at is null or scheduled_at <= now())
) as waits
