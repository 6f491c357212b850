-- name: waiting
-- Runs before an upload URL is issued or refused.
select count(*), coalesce(sum(counted), 0)::bigint, min(created_at) from upload where org_id = %(org)s and waiting

-- name: find
-- Every deploy of an upload begins with this statement.
select key, etag, size, counted from upload where key = %(key)s and app_id = %(app)s and org_id = %(org)s

-- name: alive
-- Every download from the folder store begins with this statement.
select 1 from app where id = split_part(%(key)s::text, '/', 2) and deleted_at is null

-- name: grant
-- Every upload begins with this statement. It checks the app and the organisation's limit, and counts the bytes to come, in one
-- round trip (migration 0013).
select granted, used, oldest from easel_grant_upload(%(key)s, %(length)s, %(limit)s)

-- name: forget_broken_off
-- One statement for all uploads, because hardly any of them are in transit.
update upload set counted = coalesce(size, 0) where waiting and counted > coalesce(size, 0)

-- name: give_up
-- Undoes a grant in one round trip, because the upload may have ended for a fault of the database.
update upload set counted = greatest(counted - %(length)s, 0) where key = %(key)s
