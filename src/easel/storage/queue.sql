-- part: defer_job
-- procrastinate's own function, in the caller's transaction. Asked for by way of its tasks it takes several times as long. With
-- `deferred` for arguments.
procrastinate_defer_jobs_v1(array[row(
    %(job_queue)s, %(job_task)s, 0, %(job_lock)s, null, %(job_arguments)s, null)::procrastinate_job_to_defer_v1])

-- name: defer
-- By itself, where it is not the end of another statement.
select {{defer_job}}
