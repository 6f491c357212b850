-- name: deleted_apps
-- A sweep uses no SQLAlchemy, because it runs every ten minutes, and SQLAlchemy would permanently take memory in an idle
-- worker. A running deploy may still store objects. The statement checks for such a deploy, because the time of the deletion
-- may be from another machine's clock.
select id from app
 where deleted_at < %(before)s and swept_at is null
   and not exists (select from deploy where app_id = app.id and {{deploys.states.unfinished}})
 limit %(most)s

-- name: unusable_uploads
-- For the reason, see `deleted_apps`.
select key from upload
 where created_at < %(before)s
   and not exists (
       select from deploy
        where app_id = upload.app_id and (bundle_s3_key = upload.key or built_key = upload.key)
          and {{deploys.states.unfinished}})
 limit %(most)s

-- name: forget_uploads
-- For the reason, see `deleted_apps`.
delete from upload where key = any(%(keys)s)

-- name: expire
-- For the reason, see `deleted_apps`.
with answers as (delete from remembered_answer where created_at < %(answers)s),
     deliveries as (delete from webhook_delivery where received_at < %(deliveries)s),
     used as (delete from build_usage where day < %(usage)s)
delete from former_slug where freed_at <= %(slugs)s

-- name: abandoned
-- Reads procrastinate's tables, for which Easel has no models.
select id from deploy d
 where {{deploys.states.unfinished}} and queued_at < now() - make_interval(secs => %(age)s)
   and not exists (
       select 1 from procrastinate_jobs j
        where j.lock in (d.app_id, 'build:' || d.app_id) and j.args ->> 'deploy_id' = d.id and j.status in ('todo', 'doing'))
