-- part: columns
-- The fields of `run_row.DeployRow`, in their order.
deploy.id, deploy.org_id, deploy.app_id, deploy.sequence, deploy.environment, deploy.bundle_s3_key,
deploy.source_files_key, deploy.message, deploy.git_commit_sha, deploy.git_commit_message, deploy.git_author,
deploy.git_branch, deploy.source, deploy.built_key, deploy.build,
deploy.queued_by, deploy.queued_at, deploy.started_at, deploy.finished_at, deploy.status, deploy.step, deploy.attempt,
deploy.bundle_key, deploy.manifest_key, deploy.version, deploy.outcome, deploy.error, deploy.error_code, deploy.warnings,
deploy.smoke_test, deploy.timings, deploy.counts, deploy.build_config

-- name: read
-- Needed only after a rollback. Otherwise, a run knows the row that it has written itself.
select {{columns}} from deploy where id = %(id)s

-- name: find
-- Returns all values that a run needs to begin, in one round trip: deploy, app, and the app's latest manifest.
select {{versions.service.held_app}},
       (select manifest_key from version
         where version.app_id = app.id and manifest_key is not null order by number desc limit 1),
       {{columns}}
  from deploy join app on app.id = deploy.app_id where deploy.id = %(id)s

-- part: columns_written
-- The columns that a worker's run and a builder's run both write.
started_at = %(started_at)s, finished_at = %(finished_at)s, status = %(status)s, step = %(step)s,
           attempt = %(attempt)s, bundle_key = %(bundle_key)s, manifest_key = %(manifest_key)s, version = %(version)s,
           outcome = %(outcome)s, error = %(error)s, error_code = %(error_code)s, warnings = %(warnings)s,
           smoke_test = %(smoke_test)s, timings = %(timings)s, counts = %(counts)s

-- part: ours
-- True if the row belongs to this run, and has not changed since the run read it.
id = %(id)s and attempt = %(known_attempt)s and step is not distinct from %(known_step)s::text
       and {{deploys.states.unfinished}}

-- part: end_of_written
-- The common end of both `written` parts. The lines of the log follow.
returning id
), counted as (
    update upload set waiting = not waiting
     where key = %(bundle_s3_key)s and waiting = (%(status)s::text <> 'failed') and exists (select from written)
       and (%(step)s::text in ('start', 'prepare') or %(status)s::text = 'failed')
), {{deploys.service.lines_added}}

-- part: written
-- An upload stops waiting when a run of a deploy begins with the upload, and waits again if the deploy fails. The row was read
-- without a lock. So this statement writes nothing if another run or a cancellation came first. It also writes nothing if the
-- previous run, which continues until it is taken over, has written in the meantime, because each write of a run has another
-- step.
with written as (
    update deploy
       set {{columns_written}}
     where {{ours}}
    {{end_of_written}}

-- name: write
-- Ends every transaction of a run. Row, log, upload and notification take one round trip, and the row is not locked before.
{{written}} from written

-- name: write_then
-- Does the same as `write`, and enqueues a job.
{{written}}, {{storage.queue.defer_job}} from written
