-- name: read_only
-- Whether the database is read-only. A readiness check runs it outside SQLAlchemy.
show transaction_read_only

-- name: queue_answers
-- Of procrastinate's tables, which have no models here.
select 1 from procrastinate_jobs limit 1
