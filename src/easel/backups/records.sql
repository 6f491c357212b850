-- Backups and audits are on connections of their own, in a snapshot of their own, without sessions.

-- name: who_needs
-- The objects of some apps, each once, with all that the report says of who needs it.
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
-- An audit goes from app to app by it.
select id from app
 where deleted_at is null and id > %(after)s and (%(named)s::text is null or %(named)s in (slug, id))
 order by id limit %(n)s

-- name: uploads
-- What a backup takes along where it is there: it may still be deployed.
select u.key from upload u join app a on a.id = u.app_id where a.deleted_at is null

-- name: unfinished
-- A restored database has no jobs: each of these gets one.
-- In the schema of the backup's release, which may be older than the last column.
select id, app_id, step, to_jsonb(deploy) ->> 'built_key' is not null
  from deploy where {{deploys.states.unfinished}} order by app_id, sequence

-- name: moment
-- The database's clock, by which pointers are moved.
select clock_timestamp()

-- name: is_used
-- Backups are restored into an empty database alone.
select exists (select from app)

-- name: count_audit_on
-- Rows that were copied in have taken numbers that the sequence has not given.
select setval(pg_get_serial_sequence('audit', 'id'), coalesce((select max(id) from audit), 0) + 1, false)
