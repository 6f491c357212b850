-- name: staged
-- A promote runs this statement once or twice. The second time, it holds the lock of the app's row.
select environment.deploy_id, number, version.deploy_id, manifest_key
  from environment
  join version on version.app_id = environment.app_id and version.number = environment.version
 where environment.app_id = %(app)s and environment.org_id = %(org)s and environment.name = %(from)s
