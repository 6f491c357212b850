-- name: surroundings
-- Every answer about apps holds it, a list's those of a hundred apps: one statement for all of them, without objects.
select a.id, r.repo_url, r.branch, coalesce(r.github_installation_id, g.installation_id),
       e.name, e.version, e.deploy_id, e.revision, e.moved_at, e.locked_at is not null, e.lock_reason, v.manifest_key
  from unnest(%(apps)s::text[]) as a (id)
  left join repository r on r.app_id = a.id
  left join github_installation g on g.app_id = a.id
  left join environment e on e.app_id = a.id and (e.version is not null or e.locked_at is not null)
  left join version v on v.app_id = e.app_id and v.number = e.version
 order by e.name
