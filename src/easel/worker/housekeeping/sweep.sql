-- name: abandoned
-- Of procrastinate's tables, which have no models here.
select id from deploy d
 where {{deploys.states.unfinished}} and queued_at < now() - make_interval(secs => %(age)s)
   and not exists (
       select 1 from procrastinate_jobs j
        where j.lock in (d.app_id, 'build:' || d.app_id) and j.args ->> 'deploy_id' = d.id and j.status in ('todo', 'doing'))
