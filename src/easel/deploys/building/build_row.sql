-- part: written
-- Writes the row like `run_row.written`, and also writes the values that only a builder has: message, commit, sources, bundle,
-- report.
with written as (
    update deploy
       set {{deploys.run_row.columns_written}}, git_commit_sha = %(git_commit_sha)s,
           git_commit_message = %(git_commit_message)s, git_author = %(git_author)s, git_branch = %(git_branch)s,
           message = %(message)s, source_files_key = %(source_files_key)s, built_key = %(built_key)s, build = %(build)s
     where {{deploys.run_row.ours}}
    {{deploys.run_row.end_of_written}}

-- name: write
-- Ends every transaction of a builder's run, in one round trip.
{{written}} from written

-- name: write_then
-- Does the same as `write`, and enqueues the job of the worker that takes the bundle.
{{written}}, {{storage.queue.defer_job}} from written

-- name: add_lines
-- Runs several times a second while a build prints. Also checks whether the deploy still belongs to this run, and whether its
-- app still exists. The row is locked but not written, so that no line is added after the last line.
with written as (
    select id, app_id from deploy
     where id = %(id)s and attempt = %(known_attempt)s and {{deploys.states.unfinished}} for no key update
), {{deploys.service.lines_added}}, exists (select from app where app.id = written.app_id and deleted_at is null)
  from written

-- name: settings
-- Returns the part of the app's published configuration that a build needs, because the whole configuration may be a hundred
-- times as large.
select published -> 'build_config', build_cache_generation from app where id = %(app)s and org_id = %(org)s and deleted_at is null
