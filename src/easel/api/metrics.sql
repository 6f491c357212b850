-- name: jobs
-- Reads procrastinate's tables, for which Easel has no models.
select queue_name, count(*) from procrastinate_jobs where status = 'todo' group by queue_name
