-- name: finish
-- A worker without a heartbeat for long enough has lost its jobs. They then belong to another run, perhaps under the same
-- worker's id, which `attempts` shows. procrastinate's own functions compare only a job's id, so they would end or restart a
-- job that another worker is running.
with mine as materialized (
    select id from procrastinate_jobs
     where id = %(id)s and status = 'doing' and worker_id = %(worker)s and attempts = %(attempts)s for update
)
select procrastinate_finish_job_v1(id, %(status)s, %(delete)s),
       case when %(limited)s and exists (
                select from procrastinate_jobs where status = 'todo' and queue_name = %(queue)s
            ) then pg_notify('procrastinate_queue_v1#' || %(queue)s, %(note)s) end
  from mine

-- name: retry
-- The database's clock determines the time of the retry, because this machine's clock may be an hour ahead.
with mine as materialized (
    select id from procrastinate_jobs
     where id = %(id)s and status = 'doing' and worker_id = %(worker)s and attempts = %(attempts)s for update
)
select procrastinate_retry_job_v2(id, now() + make_interval(secs => %(pause)s), null, null, null) from mine

-- name: beat
-- Sends a heartbeat, and returns the jobs that are recorded as running on this worker, in one round trip.
with beat as (update procrastinate_workers set last_heartbeat = now() where id = %(worker)s returning id)
select beat.id, array_remove(array_agg(job.id), null) as jobs
  from beat left join procrastinate_jobs job on job.worker_id = beat.id and job.status = 'doing' group by beat.id

-- name: put_back
-- Puts back only jobs that still belong to this worker.
with lost as materialized (
    select id from procrastinate_jobs
     where id = any (%(jobs)s) and status = 'doing' and worker_id = %(worker)s for update
)
select procrastinate_retry_job_v2(id, now(), null, null, null) from lost
