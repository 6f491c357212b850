-- name: find_key
-- Begins every request of the api.
select id, org_id, name, scope, app_id from api_key where hash = %(hash)s and revoked_at is null
