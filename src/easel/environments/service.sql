-- name: move
-- The one function that changes the version of an environment (migrations 0003, 0004). Compare and swap, audit and change
-- signal take one round trip.
select outcome, previous, version, revision, locked, locked_by, lock_reason
  from easel_move_pointer(
       %(app_id)s::text, %(org_id)s::text, %(environment)s::text, %(version)s::integer, %(action)s::text, %(actor)s::text,
       %(sequence)s::bigint, %(deploy_id)s::text, %(note)s::text)

-- name: next_place
-- Every deploy and promote gets its acceptance number from this statement, which also locks the app's row (apps/row_lock.py),
-- in one round trip.
update app set last_sequence = last_sequence + 1
 where id = %(app)s and org_id = %(org)s and deleted_at is null returning last_sequence, slug
