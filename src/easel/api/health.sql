-- name: queue_answers
-- Of procrastinate's tables, which have no models here.
select 1 from procrastinate_jobs limit 1
