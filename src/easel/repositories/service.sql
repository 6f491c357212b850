-- name: webhook_secret
-- Runs first for every request to a webhook address, whoever sends it. It reads one row by its key, without a session.
select r.org_id, r.sealed_webhook_secret from repository r join app a on a.id = r.app_id and a.org_id = r.org_id
 where r.app_id = %(app)s and a.deleted_at is null
