-- name: revision
-- Reads Alembic's own table, which exists before the tables of Easel's models.
select version_num from alembic_version
