-- name: used_by
-- Reads PostgreSQL's own view, from the supervisor, which does not import SQLAlchemy.
select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
