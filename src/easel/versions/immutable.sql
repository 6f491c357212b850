-- name: note
-- Records and compares thousands of paths in one round trip, during a deploy.
with noted as (
    insert into hashed_path as known (app_id, path, org_id, content)
    select %(app)s, path, %(org)s, content
      from unnest(%(paths)s::bigint[], %(contents)s::bigint[]) as given (path, content)
     order by path
    on conflict (app_id, path) do update set content = 0 where known.content <> excluded.content
    returning path, content
)
select path from noted where content = 0
