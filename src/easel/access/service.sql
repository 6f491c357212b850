-- name: find_key
-- Every request of the api begins with this statement.
select id, org_id, name, scope, app_id from api_key where hash = %(hash)s and revoked_at is null
