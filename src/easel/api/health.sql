-- name: read_only
-- Returns whether the database is read-only. A readiness check runs this statement outside SQLAlchemy.
show transaction_read_only

-- name: queue_answers
-- Reads procrastinate's tables, for which Easel has no models.
select 1 from procrastinate_jobs limit 1
