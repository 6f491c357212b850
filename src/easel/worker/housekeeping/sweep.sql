-- name: deleted_apps
-- A sweep uses no SQLAlchemy: it comes every ten minutes, and SQLAlchemy would take an idle worker's own memory for good.
-- A running deploy may still store objects. This is queried, because the deletion's time may be from another machine's
-- clock.
select id from app
 where deleted_at < %(before)s and swept_at is null
   and not exists (select from deploy where app_id = app.id and {{deploys.states.unfinished}})
 limit %(most)s

-- name: unusable_uploads
-- See deleted_apps.
select key from upload
 where created_at < %(before)s
   and not exists (
       select from deploy
        where app_id = upload.app_id and (bundle_s3_key = upload.key or built_key = upload.key)
          and {{deploys.states.unfinished}})
 limit %(most)s

-- name: forget_uploads
-- See deleted_apps.
delete from upload where key = any(%(keys)s)

-- name: expire
-- See deleted_apps.
with answers as (delete from remembered_answer where created_at < %(answers)s),
     deliveries as (delete from webhook_delivery where received_at < %(deliveries)s),
     used as (delete from build_usage where day < %(usage)s)
delete from former_slug where freed_at <= %(slugs)s

-- name: abandoned
-- Of procrastinate's tables, which have no models here.
select id from deploy d
 where {{deploys.states.unfinished}} and queued_at < now() - make_interval(secs => %(age)s)
   and not exists (
       select 1 from procrastinate_jobs j
        where j.lock in (d.app_id, 'build:' || d.app_id) and j.args ->> 'deploy_id' = d.id and j.status in ('todo', 'doing'))
