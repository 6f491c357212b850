-- part: objects
-- Each object that a record refers to (its `key`, or null), once for every version that needs it; visitors are answered from
-- what `serves`. Of the apps in %(apps)s, or of all where that is null; none of apps that are deleted. What a pruned version
-- was stays known: its manifest and its sources. The sweep of orphans deletes what is missing here, and backups leave it out.
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
-- What all records refer to, in one statement over five tables.
select distinct key from ({{objects}}) as needed where key is not null

-- name: is_needed
-- The same about one object.
select exists (select from ({{objects}}) as needed where key = %(key)s)
