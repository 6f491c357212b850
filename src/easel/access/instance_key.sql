-- These statements run before all other queries, in processes that have no session yet.

-- name: newest_answers
-- The encrypted values that are found fastest.
select body from remembered_answer order by created_at desc limit 10

-- name: newest_secrets
-- Reads all apps, which takes a second or two for a million apps, once in the life of an installation. The apps' versions,
-- which are many more, are not read, because every secret of a version was first a secret of its app. Only the encrypted
-- sections are searched, because users may give entries of other sections the same names.
select sealed #>> '{}' from (
  select draft, published from app
  where jsonb_path_exists(draft, %(secrets)s::jsonpath) or jsonb_path_exists(published, %(secrets)s::jsonpath)
     or jsonb_path_exists(draft, %(keys)s::jsonpath) or jsonb_path_exists(published, %(keys)s::jsonpath)
  order by updated_at desc limit 100
) newest, unnest(array[draft, published]) config, lateral (
  select jsonb_path_query(config, %(secrets)s::jsonpath) union all select jsonb_path_query(config, %(keys)s::jsonpath)
) found (sealed)

-- name: newest_repositories
-- The secrets for fetching apps' repositories and for verifying their webhooks.
select sealed from (select * from repository order by connected_at desc limit 10) newest,
       unnest(array[sealed_webhook_secret, sealed_token, sealed_deploy_key]) sealed
 where sealed is not null

-- name: find
-- The installation's stored fingerprint.
select value from instance where name = %(name)s

-- name: put_first
-- If several apis start at once, the fingerprint of the first api is stored.
insert into instance (name, value) values (%(name)s, %(value)s) on conflict (name) do nothing

-- name: put
-- The operator's command replaces every stored fingerprint.
insert into instance (name, value) values (%(name)s, %(value)s) on conflict (name) do update set value = excluded.value
