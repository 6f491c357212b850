-- part: lines_added
-- The end of a statement that adds lines to a deploy's log, and notifies the clients that follow the log. The part `written`
-- before it has written the deploy's row. Its arguments come from `appended`. `from written` must follow.
added as (
    insert into deploy_log (deploy_id, seq, ts, line)
    select %(id)s::text, coalesce((select max(seq) from deploy_log where deploy_id = %(id)s::text), 0) + n, ts, line
      from unnest(%(ts)s::timestamptz[], %(lines)s::text[]) with ordinality as given (ts, line, n)
     where exists (select from written)
)
select case when %(tell)s then pg_notify(%(channel)s::text, %(id)s::text) end

-- name: add_lines
-- Writes the log's lines and the notification in one round trip.
with written as (select), {{lines_added}} from written

-- part: waiting
-- The number of an organisation's deploys that wait to be built, by the index of unfinished deploys.
select count(*) from deploy
 where {{deploys.states.unfinished}} and org_id = %(org)s and step = 'build_queued'

-- part: build_time
-- The milliseconds for which builders have worked for an organisation today (UTC).
coalesce((select milliseconds from build_usage
           where org_id = %(org)s and day = (now() at time zone 'utc')::date), 0)

-- name: builds_taken
-- Runs before a deploy is accepted. Returns the number of deploys that wait to be built, and the time of today's builds, in one
-- round trip.
select ({{waiting}}), {{build_time}}

-- name: took_build_time
-- Adds to an organisation's build time of today. Builders on several machines may do this at the same time.
insert into build_usage (org_id, day, milliseconds)
values (%(org)s, (now() at time zone 'utc')::date, %(milliseconds)s)
    on conflict (org_id, day) do update set milliseconds = build_usage.milliseconds + excluded.milliseconds

-- name: accept
-- Every request for a deploy waits for this statement, which would take several times as long with a session.
insert into deploy (
    id, org_id, app_id, sequence, environment, source, bundle_s3_key, source_files_key, message, git_commit_sha,
    git_commit_message, git_author, git_branch, build_config, queued_by, queued_at, status, step, attempt, warnings, timings
) values (
    %(id)s, %(org)s, %(app)s, %(sequence)s, %(environment)s, %(source)s, %(bundle_s3_key)s, %(source_files_key)s,
    %(message)s, %(git_commit_sha)s, %(git_commit_message)s, %(git_author)s, %(git_branch)s, %(build_config)s,
    %(queued_by)s, %(queued_at)s, %(status)s, %(step)s, 0, %(warnings)s, '{}'
)
