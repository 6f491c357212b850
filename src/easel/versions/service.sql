-- part: held_app
-- The columns of `HeldApp`. The configuration, which may be a hundred times as large, is unpacked in the database.
app.id, app.org_id, slug, published_hash, published_version, {{serving.published.stored}}, (
    select jsonb_build_object(
        'build_config', jsonb_build_object(
            'allow', p.build_config -> 'allow',
            'api_allow', jsonb_array_length(nullif(p.build_config -> 'api_allow', 'null')) > 0),
        'auth_config', (
            select jsonb_object_agg(field.key, case field.key when 'mode' then field.value else 'true' end)
              from jsonb_each(nullif(p.auth_config, 'null')) as field
             where field.value not in ('null', 'false', '""', '[]', '{}')))
      from jsonb_to_record(published) as p (build_config jsonb, auth_config jsonb))

-- name: hold_app
-- Returns the values that a deploy needs of an app whose configuration has changed since it was read, and locks the app's row,
-- in one round trip.
select {{held_app}} from app where id = %(app)s and org_id = %(org)s and {{apps.row_lock.held}}

-- part: recorded
-- The end of a statement whose part `numbered` returns the app's next version number. The configuration is copied inside the
-- database, and only if it is not stored yet, because it is stored once for all versions that have it.
configured as (
    insert into configuration (app_id, hash, org_id, config)
    select %(app_id)s, %(config_hash)s::text, %(org_id)s, published from numbered on conflict do nothing
)
insert into version (
    app_id, number, org_id, kind, deploy_id, environment, manifest_key, bundle_key, bundle_name, files_hash,
    config_hash, content_hash, config_version, previous_published, source_files_key, file_count, total_bytes, message,
    deployed_by, deployed_at, build_duration_ms, git_commit_sha, git_commit_message, git_author, git_branch
)
select %(app_id)s, last_version, %(org_id)s, %(kind)s::text, %(deploy_id)s, %(environment)s, %(manifest_key)s,
       %(bundle_key)s, %(bundle_name)s, %(files_hash)s, %(config_hash)s::text, %(content_hash)s,
       case %(kind)s::text when 'publish' then last_version else %(config_version)s end, %(previous_published)s,
       %(source_files_key)s, %(file_count)s, %(total_bytes)s, %(message)s, %(deployed_by)s, %(deployed_at)s,
       %(build_duration_ms)s, %(git_commit_sha)s, %(git_commit_message)s, %(git_author)s, %(git_branch)s
  from numbered
returning number

-- name: record_deployed
-- Writes number, configuration and version in one round trip. Changes nothing if the app has changed since it was read.
with numbered as (
    update app set last_version = last_version + 1, updated_at = %(deployed_at)s
     where id = %(app_id)s and deleted_at is null and published_hash = %(config_hash)s::text
       and published_version is not distinct from %(config_version)s::integer
    returning last_version, published
), {{recorded}}

-- part: published
-- The columns of an app that every publish writes.
last_version = last_version + 1, updated_at = %(deployed_at)s, published_version = last_version + 1,
                   published_at = %(deployed_at)s, draft_hash = %(config_hash)s::text,
                   published_hash = %(config_hash)s::text

-- name: record_published
-- Does the same as `record_deployed`, for a publish of a changed draft.
with numbered as (
    update app set {{published}}, published = draft
     where id = %(app_id)s and deleted_at is null
    returning last_version, published
), {{recorded}}

-- name: record_published_again
-- Does the same as `record_published`, if the draft is already the published configuration. The configuration may have two
-- mebibytes, so it is not written again.
with numbered as (
    update app set {{published}}
     where id = %(app_id)s and deleted_at is null
    returning last_version, published
), {{recorded}}

-- name: find_recorded
-- Every restore begins with this statement. It reads app, version, and whether the version is pruned, in one round trip.
select app.id, app.org_id, slug, version.number, deploy_id, manifest_key, pruned.at
  from app
  left join version on version.app_id = app.id and version.number = %(number)s
  left join pruned on pruned.app_id = app.id and pruned.number = version.number
 where app.id = %(app)s and app.org_id = %(org)s and deleted_at is null

-- name: details
-- Every response about one version runs this statement. The version itself is not read again.
select (select config from configuration where app_id = %(app)s and org_id = %(org)s and hash = %(hash)s),
       exists (select from pruned where app_id = %(app)s and number = %(number)s)

-- name: configurations
-- Every diff runs this statement. A session took a fifth of the request's time for the list of hashes. The result is text,
-- because the driver's own decoder takes several times as long for a configuration of two mebibytes.
select hash, config::text from configuration where app_id = %(app)s and org_id = %(org)s and hash = any(%(hashes)s)

-- name: latest
-- Every response about an app contains twenty versions, whose long strings are truncated in the database.
select v.number, kind, deploy_id, environment, manifest_key, files_hash, config_hash, content_hash, file_count,
       total_bytes, message, deployed_by, deployed_at, build_duration_ms, git_commit_sha,
       left(git_commit_message, 1000), left(git_author, 1000), git_branch, p.number is not null
  from version v left join pruned p on p.app_id = v.app_id and p.number = v.number
 where v.app_id = %(app)s and v.org_id = %(org)s and v.number <= %(newest)s
 order by v.number desc limit %(limit)s offset %(offset)s
