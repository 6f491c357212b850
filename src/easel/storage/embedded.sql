-- name: used_by
-- PostgreSQL's own view, asked by the supervisor, which has no SQLAlchemy.
select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
