-- Asked before anything else is, by processes that have no session yet.

-- name: newest_answers
-- The quickest to find of what there is under the secret key.
select body from remembered_answer order by created_at desc limit 10

-- name: newest_secrets
-- All apps are read, of a million in a second or two: once in the life of an installation. Their versions, which are many more,
-- are not: what is sealed in one was sealed in its app first. Elsewhere in an app somebody may have given something of their
-- own that name.
select sealed #>> '{}' from (
  select draft, published from app
  where jsonb_path_exists(draft, %(secrets)s::jsonpath) or jsonb_path_exists(published, %(secrets)s::jsonpath)
     or jsonb_path_exists(draft, %(keys)s::jsonpath) or jsonb_path_exists(published, %(keys)s::jsonpath)
  order by updated_at desc limit 100
) newest, unnest(array[draft, published]) config, lateral (
  select jsonb_path_query(config, %(secrets)s::jsonpath) union all select jsonb_path_query(config, %(keys)s::jsonpath)
) found (sealed)

-- name: newest_repositories
-- What fetches an app's repository, and verifies its webhooks.
select sealed from (select * from repository order by connected_at desc limit 10) newest,
       unnest(array[sealed_webhook_secret, sealed_token, sealed_deploy_key]) sealed
 where sealed is not null

-- name: find
-- The fingerprint that the installation knows.
select value from instance where name = %(name)s

-- name: put_first
-- Of several apis that start at once, the first one's stays.
insert into instance (name, value) values (%(name)s, %(value)s) on conflict (name) do nothing

-- name: put
-- The operator's word counts, whatever was known before.
insert into instance (name, value) values (%(name)s, %(value)s) on conflict (name) do update set value = excluded.value
