-- part: written
-- As `run_row.written`, with what a builder writes besides: commit, sources, bundle, report.
with written as (
    update deploy
       set {{deploys.run_row.columns_written}}, git_commit_sha = %(git_commit_sha)s,
           git_commit_message = %(git_commit_message)s, git_author = %(git_author)s, git_branch = %(git_branch)s,
           source_files_key = %(source_files_key)s, built_key = %(built_key)s, build = %(build)s
     where {{deploys.run_row.ours}}
    {{deploys.run_row.end_of_written}}

-- name: write
-- Ends every transaction of a builder's run, in one round trip.
{{written}} from written

-- name: write_then
-- The same, with the job of the worker that takes the bundle.
{{written}}, {{storage.queue.defer_job}} from written

-- name: add_lines
-- Several times a second while a build prints, and to ask whether the deploy still is this run's and its app still there. The
-- row is locked, so that no line follows the last one, and not written.
with written as (
    select id, app_id from deploy
     where id = %(id)s and attempt = %(known_attempt)s and {{deploys.states.unfinished}} for no key update
), {{deploys.service.lines_added}}, exists (select from app where app.id = written.app_id and deleted_at is null)
  from written

-- name: settings
-- What a build needs of the app's published configuration, without the rest, which may be a hundred times as large.
select published -> 'build_config', build_cache_generation from app where id = %(app)s and org_id = %(org)s and deleted_at is null
