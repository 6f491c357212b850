-- part: defer_job
-- Calls procrastinate's own function in the caller's transaction. A call through procrastinate's tasks would take several times
-- as long. The arguments come from `deferred`.
procrastinate_defer_jobs_v1(array[row(
    %(job_queue)s, %(job_task)s, 0, %(job_lock)s, null, %(job_arguments)s, null)::procrastinate_job_to_defer_v1])

-- name: defer
-- Enqueues a job in a separate statement, if no other statement can end with `defer_job`.
select {{defer_job}}
