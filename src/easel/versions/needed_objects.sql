-- part: objects
-- Returns each object that a record refers to (its `key`, or null), once for every version that needs the object. `serves` is
-- true for objects that visitors' responses need. The apps are those in %(apps)s, or all apps if %(apps)s is null, without
-- deleted apps. A pruned version needs only its manifest and its sources. The sweep of orphans deletes objects that are not in
-- this result, and backups leave them out.
with recorded as (
    select v.app_id, v.number, v.manifest_key, v.bundle_key, v.source_files_key,
           exists (select from pruned p where p.app_id = v.app_id and p.number = v.number) as pruned
      from version v join app a on a.id = v.app_id
     where a.deleted_at is null and (%(apps)s::text[] is null or a.id = any (%(apps)s::text[]))
)
select app_id, number, pruned, true as serves, manifest_key as key from recorded
union all select app_id, number, pruned, false, source_files_key from recorded
union all select app_id, number, pruned, true, bundle_key from recorded where not pruned
union all select app_id, number, pruned, true, x.object_key
  from variants x join recorded using (app_id, manifest_key) where not pruned
union all select d.app_id, null, false, false, unnest(array[d.manifest_key, d.bundle_key, d.source_files_key])
  from (select * from deploy where {{deploys.states.unfinished}}) d join app a on a.id = d.app_id
 where a.deleted_at is null and (%(apps)s::text[] is null or a.id = any (%(apps)s::text[]))

-- name: keys
-- Returns the objects that all records refer to, in one statement over five tables.
select distinct key from ({{objects}}) as needed where key is not null

-- name: is_needed
-- Checks for one object whether any record refers to it.
select exists (select from ({{objects}}) as needed where key = %(key)s)
