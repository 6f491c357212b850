-- name: read
-- Answers hundreds of polls of all organisations. Key, app and deploy are read in their current state, and not from an earlier
-- poll. Every scope includes reading. The key is looked up first, by its hash. A search that began at the deploy's organisation
-- would read all keys of that organisation.
with who as materialized (
    select asked.n, asked.app, asked.deploy, k.org_id, k.app_id as only_app
      from unnest(%(keys)s::text[], %(apps)s::text[], %(deploys)s::text[]) with ordinality as asked(key, app, deploy, n)
      join api_key k on k.hash = asked.key and k.revoked_at is null
)
select who.n, who.org_id, a.slug,
       d.id, d.app_id, d.status, d.environment, d.source, d.bundle_s3_key, d.message, d.queued_at, d.queued_by, d.error,
       d.error_code, d.smoke_test, d.version, d.outcome, d.warnings, d.step, d.timings, d.counts, d.started_at,
       d.finished_at, d.git_commit_sha, d.git_commit_message, d.git_author,
       d.git_branch, d.build
  from who
  join app a on a.id = who.app and a.org_id = who.org_id and a.deleted_at is null
            and (who.only_app is null or who.only_app = a.id)
  join deploy d on d.id = who.deploy and d.app_id = a.id and d.org_id = a.org_id
