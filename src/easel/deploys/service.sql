-- part: lines_added
-- The end of a statement that adds lines to the log of the deploy that the part before it, `written`, wrote the row of, and
-- wakes the clients that follow it; with `appended` for arguments. To be followed by `from written`.
added as (
    insert into deploy_log (deploy_id, seq, ts, line)
    select %(id)s::text, coalesce((select max(seq) from deploy_log where deploy_id = %(id)s::text), 0) + n, ts, line
      from unnest(%(ts)s::timestamptz[], %(lines)s::text[]) with ordinality as given (ts, line, n)
     where exists (select from written)
)
select case when %(tell)s then pg_notify(%(channel)s::text, %(id)s::text) end

-- name: add_lines
-- One round trip for the log's lines and the notification.
with written as (select), {{lines_added}} from written

-- part: waiting
-- How many deploys of an organisation wait to be built, by the index of those that have not ended.
select count(*) from deploy
 where {{deploys.states.unfinished}} and org_id = %(org)s and step = 'build_queued'

-- part: build_time
-- Milliseconds that builders worked for an organisation today (UTC).
coalesce((select milliseconds from build_usage
           where org_id = %(org)s and day = (now() at time zone 'utc')::date), 0)

-- name: builds_taken
-- Before another one is accepted: deploys that wait to be built, and the time that builds took today, in one round trip.
select ({{waiting}}), {{build_time}}

-- name: took_build_time
-- Adds to an organisation's time of today: builders of several machines may do so at once.
insert into build_usage (org_id, day, milliseconds)
values (%(org)s, (now() at time zone 'utc')::date, %(milliseconds)s)
    on conflict (org_id, day) do update set milliseconds = build_usage.milliseconds + excluded.milliseconds

-- name: accept
-- Everybody who deploys waits for it: through a session it takes several times as long.
insert into deploy (
    id, org_id, app_id, sequence, environment, source, bundle_s3_key, source_files_key, message, git_commit_sha,
    git_commit_message, git_author, git_branch, build_config, queued_by, queued_at, status, step, attempt, warnings, timings
) values (
    %(id)s, %(org)s, %(app)s, %(sequence)s, %(environment)s, %(source)s, %(bundle_s3_key)s, %(source_files_key)s,
    %(message)s, %(git_commit_sha)s, %(git_commit_message)s, %(git_author)s, %(git_branch)s, %(build_config)s,
    %(queued_by)s, %(queued_at)s, %(status)s, %(step)s, 0, %(warnings)s, '{}'
)
