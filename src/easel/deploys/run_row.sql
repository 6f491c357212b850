-- part: columns
-- The fields of `run_row.DeployRow`, in their order.
deploy.id, deploy.org_id, deploy.app_id, deploy.sequence, deploy.environment, deploy.bundle_s3_key,
deploy.source_files_key, deploy.message, deploy.git_commit_sha, deploy.git_commit_message, deploy.git_author,
deploy.git_branch, deploy.source, deploy.built_key, deploy.build,
deploy.queued_by, deploy.queued_at, deploy.started_at, deploy.finished_at, deploy.status, deploy.step, deploy.attempt,
deploy.bundle_key, deploy.manifest_key, deploy.version, deploy.outcome, deploy.error, deploy.error_code, deploy.warnings,
deploy.smoke_test, deploy.timings, deploy.counts, deploy.build_config

-- name: read
-- Where a transaction before it was undone; else a run knows what it wrote itself.
select {{columns}} from deploy where id = %(id)s

-- name: find
-- All that a run needs to begin, in one round trip: deploy, app, and the app's latest manifest.
select {{versions.service.held_app}},
       (select manifest_key from version
         where version.app_id = app.id and manifest_key is not null order by number desc limit 1),
       {{columns}}
  from deploy join app on app.id = deploy.app_id where deploy.id = %(id)s

-- part: columns_written
-- What a worker's run and a builder's write alike.
started_at = %(started_at)s, finished_at = %(finished_at)s, status = %(status)s, step = %(step)s,
           attempt = %(attempt)s, bundle_key = %(bundle_key)s, manifest_key = %(manifest_key)s, version = %(version)s,
           outcome = %(outcome)s, error = %(error)s, error_code = %(error_code)s, warnings = %(warnings)s,
           smoke_test = %(smoke_test)s, timings = %(timings)s, counts = %(counts)s

-- part: ours
-- Whether the row is this run's, and as it was read.
id = %(id)s and attempt = %(known_attempt)s and step is not distinct from %(known_step)s::text
       and {{deploys.states.unfinished}}

-- part: end_of_written
-- The end of both, which the log's lines follow.
returning id
), counted as (
    update upload set waiting = not waiting
     where key = %(bundle_s3_key)s and waiting = (%(status)s::text <> 'failed') and exists (select from written)
       and (%(step)s::text in ('start', 'prepare') or %(status)s::text = 'failed')
), {{deploys.service.lines_added}}

-- part: written
-- An upload waits no longer once a run of a deploy begins with it, and does again if that fails.
-- What was read before it is not held: it writes nothing if another run or somebody who cancels was faster, nor if the
-- run before, which goes on until it is taken over, has written meanwhile: each write of a run has another step.
with written as (
    update deploy
       set {{columns_written}}
     where {{ours}}
    {{end_of_written}}

-- name: write
-- Ends every transaction of a run: row, log, upload and notification in one round trip, without one before it to hold the row.
{{written}} from written

-- name: write_then
-- The same, with a job besides.
{{written}}, {{storage.queue.defer_job}} from written
