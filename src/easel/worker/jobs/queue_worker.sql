-- name: finish
-- A worker that was silent for long enough has lost its jobs: they are another's run by now, even under its own id, which
-- `attempts` tells. procrastinate's functions look at a job's id alone, and would end, or start once more, what the other one
-- is running.
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
-- When is for the database's clock to say: this machine's may be an hour ahead.
with mine as materialized (
    select id from procrastinate_jobs
     where id = %(id)s and status = 'doing' and worker_id = %(worker)s and attempts = %(attempts)s for update
)
select procrastinate_retry_job_v2(id, now() + make_interval(secs => %(pause)s), null, null, null) from mine

-- name: beat
-- A sign of life, and the jobs that this worker is said to run, in one round trip.
with beat as (update procrastinate_workers set last_heartbeat = now() where id = %(worker)s returning id)
select beat.id, array_remove(array_agg(job.id), null) as jobs
  from beat left join procrastinate_jobs job on job.worker_id = beat.id and job.status = 'doing' group by beat.id

-- name: put_back
-- Only what is still this worker's.
with lost as materialized (
    select id from procrastinate_jobs
     where id = any (%(jobs)s) and status = 'doing' and worker_id = %(worker)s for update
)
select procrastinate_retry_job_v2(id, now(), null, null, null) from lost
