-- name: note
-- Records and compares thousands of paths in one round trip, during a deploy. The commit does not wait for the disk. A later
-- commit, which records the version, waits for it, and the database writes its log in order. If the rows are lost before that
-- commit, the deploy runs again and records them again.
with unhurried as materialized (
    select set_config('synchronous_commit', 'off', true)
), noted as (
    insert into hashed_path as known (app_id, path, org_id, content)
    select %(app)s, path, %(org)s, content
      from unhurried, unnest(%(paths)s::bigint[], %(contents)s::bigint[]) as given (path, content)
     order by path
    on conflict (app_id, path) do update set content = 0 where known.content <> excluded.content
    returning path, content
)
select path from noted where content = 0
