-- name: jobs
-- Of procrastinate's tables, which have no models here.
select queue_name, count(*) from procrastinate_jobs where status = 'todo' group by queue_name
