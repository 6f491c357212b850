-- part: busy
-- A deploy that waits for a retry blocks the other deploys of its app, but does not count towards the limits.
with busy as materialized (
    select d.org_id, d.app_id, j.queue_name as queue, j.status = 'doing' as runs
      from procrastinate_jobs j
      join deploy d on d.id = j.args ->> 'deploy_id'
      left join procrastinate_workers w on w.id = j.worker_id
     where j.queue_name in ('deploys', 'builds')
       and (j.status = 'doing' and w.last_heartbeat > now() - make_interval(secs => %(alive)s)
            or j.status = 'todo' and j.scheduled_at > now())
), limited (queue, organisation, everywhere) as (
    values ('deploys', %(organisation)s::bigint, %(everywhere)s::bigint),
           ('builds', %(builds_organisation)s::bigint, %(builds_everywhere)s::bigint)
), crowded as materialized (
    select queue, org_id from busy join limited using (queue)
     where runs group by queue, org_id, organisation having count(*) >= organisation
), full_up as materialized (
    select queue from busy join limited using (queue) where runs group by queue, everywhere having count(*) >= everywhere
)

-- part: cause
-- The reason why a deploy `d` waits, the most specific reason first.

       case when (d.queue, d.app_id) in (select queue, app_id from busy) then 'app'
            when (d.queue, d.org_id) in (select queue, org_id from crowded) then 'organisation'
            when d.queue in (select queue from full_up) then 'everywhere'
            when d.queue = 'builds' then 'builder'
            else 'worker' end

-- name: longest
-- Reads procrastinate's tables, for which Easel has no models. Only the first deploy of each app and queue counts, from the end
-- of the deploy before it. Later deploys of the app wait only for the first deploy.
{{busy}}
, waiting as (
    select app_id, org_id, sequence, queued_at,
           case when step = 'build_queued' then 'builds' else 'deploys' end as queue
      from deploy where {{deploys.states.unfinished}} and (status = 'queued' or step in ('build_queued', 'built'))
), first as materialized (
    select distinct on (app_id, queue) app_id, org_id, queue, sequence, queued_at
      from waiting order by app_id, queue, sequence
)
select {{cause}},
       greatest(extract(epoch from now() - min(greatest(d.queued_at, before.finished_at))), 0)::float8
  from first d
  left join lateral (
      select o.finished_at from deploy o
       where o.app_id = d.app_id and o.sequence < d.sequence order by o.sequence desc limit 1
  ) before on true
 group by 1

-- name: of_an_app
-- Reads procrastinate's tables, for which Easel has no models.
{{busy}}
select {{cause}} from (select %(app)s::text as app_id, %(org)s::text as org_id, %(queue)s::text as queue) d
