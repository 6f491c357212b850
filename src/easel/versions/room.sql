-- name: configurations
-- Runs with each publish, in one round trip. The sizes are those on disk, which are known without reading a configuration. The
-- sizes are added up only if a large configuration is about to be stored. Otherwise, one row is read.
select (select coalesce(sum(pg_column_size(c.config)), 0)::bigint
          from app a join configuration c on c.app_id = a.id where a.org_id = app.org_id)
  from app
 where id = %(app)s and org_id = %(org)s and pg_column_size(draft) > %(large)s
   and not exists (select from configuration c where c.app_id = app.id and c.hash = %(hash)s)

-- name: used
-- Adds up the sizes of toasted columns, which no model has.
select coalesce(sum(pg_column_size(c.config)), 0)::bigint
  from app a join configuration c on c.app_id = a.id where a.org_id = %(org)s
