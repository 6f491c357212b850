-- name: changed
-- One round trip for the mark that edges compare and the notification that wakes them.
with changed as (update app set changed_xid = pg_current_xact_id() where id = %(app)s::text)
 select pg_notify(%(channel)s::text, %(app)s::text)

-- name: told
-- The same with what edges are told of the app.
with changed as (
    update app set site = %(site)s::bytea, changed_xid = pg_current_xact_id() where id = %(app)s::text
)
select pg_notify(%(channel)s::text, %(app)s::text)

-- name: stored
-- What edges would make of the configuration; as bytes, since the whole may be a hundred times as large.
select {{serving.published.stored}} from app where id = %(app)s
