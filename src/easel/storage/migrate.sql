-- name: revision
-- Alembic's own table, which is there before any model of ours.
select version_num from alembic_version
