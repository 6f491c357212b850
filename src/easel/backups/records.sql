-- Backups and audits use separate connections and snapshots, without sessions.

-- name: who_needs
-- Returns each object of some apps once, with all facts for the report about the versions and environments that need it.
select n.key, n.app_id, a.slug,
       coalesce(array_agg(distinct e.name) filter (where e.name is not null), '{}'),
       coalesce(array_agg(distinct n.number) filter (where n.number is not null and not n.pruned), '{}'),
       coalesce(array_agg(distinct n.number) filter (where n.pruned), '{}'),
       coalesce(bool_or(e.moved_at < %(before)s), false)
  from ({{versions.needed_objects.objects}}) as n join app a on a.id = n.app_id
  left join environment e on n.serves and e.app_id = n.app_id and e.version = n.number
 where n.key is not null
 group by n.key, n.app_id, a.slug order by n.key

-- name: apps
-- An audit reads the apps in this order.
select id from app
 where deleted_at is null and id > %(after)s and (%(named)s::text is null or %(named)s in (slug, id))
 order by id limit %(n)s

-- name: uploads
-- A backup includes an existing upload, because the upload may still be deployed.
select u.key from upload u join app a on a.id = u.app_id where a.deleted_at is null

-- name: unfinished
-- Each of these deploys gets a job, because a restored database has no jobs. The statement runs in the schema of the backup's
-- release, which may lack the last column.
select id, app_id, step, to_jsonb(deploy) ->> 'built_key' is not null
  from deploy where {{deploys.states.unfinished}} order by app_id, sequence

-- name: moment
-- Returns the time of the database's clock, which also dates the moves of pointers.
select clock_timestamp()

-- name: is_used
-- Backups are only restored into an empty database.
select exists (select from app)

-- name: count_audit_on
-- The copied rows have numbers that the sequence has not assigned, so the sequence continues after them.
select setval(pg_get_serial_sequence('audit', 'id'), coalesce((select max(id) from audit), 0) + 1, false)
