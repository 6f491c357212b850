-- name: waiting
-- Every upload's address is refused or issued by it.
select count(*), coalesce(sum(counted), 0)::bigint, min(created_at) from upload where org_id = %(org)s and waiting

-- name: find
-- Every deploy of an upload begins with it.
select key, etag, size, counted from upload where key = %(key)s and app_id = %(app)s and org_id = %(org)s

-- name: alive
-- Every download of the folder store begins with it.
select 1 from app where id = split_part(%(key)s::text, '/', 2) and deleted_at is null

-- name: grant
-- Every upload begins with it: the app, what the organisation has there, and the bytes to come, in one round trip
-- (migration 0013).
select granted, used, oldest from easel_grant_upload(%(key)s, %(length)s, %(limit)s)

-- name: forget_broken_off
-- One statement for all uploads, of which hardly any are in transit.
update upload set counted = coalesce(size, 0) where waiting and counted > coalesce(size, 0)

-- name: give_up
-- Undoes a grant, in one round trip as well: it may be the database's trouble that ended the upload.
update upload set counted = greatest(counted - %(length)s, 0) where key = %(key)s
