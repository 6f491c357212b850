-- name: surroundings
-- Every response about apps needs this, and a list needs it for a hundred apps. One statement reads it for all apps, without
-- SQLAlchemy's objects. Every app has rows for its environments, even if they serve no version.
select e.app_id, r.repo_url, r.branch, coalesce(r.github_installation_id, g.installation_id),
       e.name, e.version, e.deploy_id, e.revision, e.moved_at, e.locked_at is not null, e.lock_reason, v.manifest_key
  from environment e left join version v on v.app_id = e.app_id and v.number = e.version
  left join repository r on r.app_id = e.app_id left join github_installation g on g.app_id = e.app_id
 where e.app_id = any (%(apps)s::text[]) order by e.name
