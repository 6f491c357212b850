-- name: served
-- Every answer about apps holds it, a list's those of a hundred apps: one statement for all of them, without objects.
select e.app_id, e.name, e.version, e.deploy_id, e.revision, e.moved_at, e.locked_at is not null, e.lock_reason,
       v.manifest_key
  from environment e left join version v on v.app_id = e.app_id and v.number = e.version
 where e.app_id = any (%(apps)s::text[]) and (e.version is not null or e.locked_at is not null) order by e.name
