-- name: staged
-- A promote reads it once or twice, the second time while it holds the app's row.
select environment.deploy_id, number, version.deploy_id, manifest_key
  from environment
  join version on version.app_id = environment.app_id and version.number = environment.version
 where environment.app_id = %(app)s and environment.org_id = %(org)s and environment.name = %(from)s
