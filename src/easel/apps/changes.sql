-- name: changed
-- Writes the mark that edges compare, and sends the notification to edges, in one round trip.
with changed as (update app set changed_xid = pg_current_xact_id() where id = %(app)s::text)
 select pg_notify(%(channel)s::text, %(app)s::text)

-- name: told
-- Does the same as `changed`, and stores the app's settings for edges.
with changed as (
    update app set site = %(site)s::bytea, changed_xid = pg_current_xact_id() where id = %(app)s::text
)
select pg_notify(%(channel)s::text, %(app)s::text)

-- name: stored
-- Returns the parts of the configuration that edges need, as bytes, because the whole configuration may be a hundred times as
-- large.
select {{serving.published.stored}} from app where id = %(app)s
