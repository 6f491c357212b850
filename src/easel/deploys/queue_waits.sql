-- part: busy
-- A deploy that pauses before it is tried again holds back its app, but takes no place.
with busy as materialized (
    select d.org_id, d.app_id, j.status = 'doing' as runs
      from procrastinate_jobs j
      join deploy d on d.id = j.args ->> 'deploy_id'
      left join procrastinate_workers w on w.id = j.worker_id
     where j.queue_name = 'deploys'
       and (j.status = 'doing' and w.last_heartbeat > now() - make_interval(secs => %(alive)s)
            or j.status = 'todo' and j.scheduled_at > now())
), crowded as materialized (
    select org_id from busy where runs group by org_id having count(*) >= %(organisation)s::bigint
)

-- part: cause
-- What holds a deploy `d` back, the nearest cause first.

       case when d.app_id in (select app_id from busy) then 'app'
            when d.org_id in (select org_id from crowded) then 'organisation'
            when (select count(*) from busy where runs) >= %(everywhere)s::bigint then 'everywhere'
            else 'worker' end

-- name: longest
-- Of procrastinate's tables, which have no models here. The first of each app, since its turn came: those behind it wait for
-- nothing else.
{{busy}}
, first as materialized (
    select distinct on (app_id) app_id, org_id, sequence, queued_at
      from deploy where status = 'queued' order by app_id, sequence
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
-- Of procrastinate's tables, which have no models here.
{{busy}}
select {{cause}} from (select %(app)s::text as app_id, %(org)s::text as org_id) d
