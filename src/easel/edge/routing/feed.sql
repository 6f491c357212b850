-- The edge asks without SQLAlchemy, row by row: it starts in a moment, and a million apps are never in memory twice.

-- name: now
-- Begins each look: from where on changes are visible, which server answers, and how many apps have changed, up to %(few)s.
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, extract(epoch from clock_timestamp())::float8,
       pg_postmaster_start_time(),
       (select count(*) from (
           select from app where changed_xid >= %(since)s::xid8 order by changed_xid desc limit %(few)s) as changed)

-- name: apps
-- All that changed, in one statement.
select id, slug, is_active, last_version, {{serving.published.stored}}, prunings, deleted_at is not null
  from app
 where changed_xid >= %(since)s::xid8

-- part: manifest
-- The hash in a manifest's key (storage/object_names.py): all else in it is known.
decode(left(right(v.manifest_key, 69), 64), 'hex')

-- part: as_written
-- Whether the key has the form that Easel writes.
v.manifest_key ~ '/manifests/[0-9a-f]{64}[.]json$'

-- part: serves
-- What environments serve, as if for ever.
select e.app_id, e.name as environment, e.version as number, 'infinity'::timestamptz as until,
       greatest(e.moved_at, coalesce(a.published_at, a.created_at)) as since
  from app a
  join environment e on e.app_id = a.id and e.version is not null
 where a.changed_xid >= %(since)s::xid8 and a.deleted_at is null

-- part: left
-- What environments have left within the retention time.
  from app a
  join audit m on m.app_id = a.id and m.from_version is distinct from m.to_version
 where a.changed_xid >= %(since)s::xid8 and a.deleted_at is null
   and m.at > now() - make_interval(secs => %(retention)s)

-- part: each
-- All of these, every time that a version was left.
{{serves}}
union all
select m.app_id, m.environment, m.from_version, m.at, null
{{left}}

-- part: each_once
-- An app may have moved a hundred thousand times between two versions, and be looked at after each move.
{{serves}}
union all
select m.app_id, m.environment, m.from_version, max(m.at), null
{{left}}
 group by m.app_id, m.environment, m.from_version

-- part: by_environment
-- All moves of an environment packed as table.MOVE, the latest first. One join looks all versions up: it is most of what loading
-- takes. One key of another form fails a whole look. To compare each with its form would take seconds more to load a million
-- apps, so that is done `carefully` alone: in a second look, once one has failed.
, packed as not materialized (
    select w.app_id, w.environment, w.since, case when w.since is not null then v.manifest_key end as serves,
           float8send(extract(epoch from w.until)::float8) || int4send(w.number) || {{manifest}} as move
      from which w
      join version v on v.app_id = w.app_id and v.number = w.number and v.manifest_key is not null
           and (not %(carefully)s or {{as_written}})
    offset 0  -- Packed before they are sorted, not after.
)
select s.app_id, s.environment, s.since, x.app_id is not null, s.moves
  from (
    select app_id, environment, extract(epoch from max(since))::float8 as since, max(serves) as serves,
           string_agg(move, ''::bytea order by move desc) as moves
      from packed
     group by app_id, environment
    having max(since) is not null
  ) s
  left join variants x on x.app_id = s.app_id and x.manifest_key = s.serves

-- name: served
-- Of each environment that serves something all versions that it serves or served within the retention time.
with which as not materialized (
{{each}}
)
{{by_environment}}

-- name: served_some
-- The same of a few apps. To group all moves of all apps takes longer than to send them.
with which as not materialized (
{{each_once}}
)
{{by_environment}}

-- name: of_another_form
-- The versions that a careful look leaves out, which the log names.
select distinct v.app_id, v.number
  from ({{each}}) w
  join version v on v.app_id = w.app_id and v.number = w.number and not {{as_written}}

-- name: version
-- A version's own address is looked up by it, before it is remembered for good.
select v.number, case when {{as_written}} then {{manifest}} end, extract(epoch from v.deployed_at)::float8,
       x.app_id is not null
  from version v
  join app a on a.id = v.app_id and a.deleted_at is null
  left join variants x on x.app_id = v.app_id and x.manifest_key = v.manifest_key
 where v.app_id = %(app)s and v.number = %(number)s and v.manifest_key is not null
   and not exists (select from pruned p where p.app_id = v.app_id and p.number = v.number)
