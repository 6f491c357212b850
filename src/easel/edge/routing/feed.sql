-- The edge queries without SQLAlchemy, row by row. So it starts fast, and never holds a million apps in memory twice.

-- name: now
-- Begins each refresh. Returns the first transaction whose changes are not visible yet, the database's time, the server's
-- start, and the number of changed apps, up to %(few)s.
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, extract(epoch from clock_timestamp())::float8,
       pg_postmaster_start_time(),
       (select count(*) from (
           select from app where changed_xid >= %(since)s::xid8 order by changed_xid desc limit %(few)s) as changed)

-- name: apps
-- Returns all changed apps in one statement.
select id, slug, is_active, last_version, {{serving.published.stored}}, prunings, deleted_at is not null
  from app
 where changed_xid >= %(since)s::xid8

-- part: manifest
-- The hash in a manifest's key (storage/object_names.py). All other parts of the key are known.
decode(left(right(v.manifest_key, 69), 64), 'hex')

-- part: as_written
-- True if the key has the form of Easel's keys.
v.manifest_key ~ '/manifests/[0-9a-f]{64}[.]json$'

-- part: serves
-- The versions that environments serve now. Their end is `infinity`.
select e.app_id, e.name as environment, e.version as number, 'infinity'::timestamptz as until,
       greatest(e.moved_at, coalesce(a.published_at, a.created_at)) as since
  from app a
  join environment e on e.app_id = a.id and e.version is not null
 where a.changed_xid >= %(since)s::xid8 and a.deleted_at is null

-- part: left
-- The versions that environments stopped serving within the retention time.
  from app a
  join audit m on m.app_id = a.id and m.from_version is distinct from m.to_version
 where a.changed_xid >= %(since)s::xid8 and a.deleted_at is null
   and m.at > now() - make_interval(secs => %(retention)s)

-- part: each
-- All served versions, with a row for each time at which an environment stopped serving a version.
{{serves}}
union all
select m.app_id, m.environment, m.from_version, m.at, null
{{left}}

-- part: each_once
-- Each version once, because an app may have moved a hundred thousand times between two versions, and is read after each move.
{{serves}}
union all
select m.app_id, m.environment, m.from_version, max(m.at), null
{{left}}
 group by m.app_id, m.environment, m.from_version

-- part: by_environment
-- Packs all moves of an environment in the form of `table.MOVE`, the latest first. One join looks up all versions, and takes
-- most of the loading time. A single key of another form makes the whole query fail. Comparing each key with the form would
-- take seconds more for a million apps. So keys are compared only if `carefully` is set, in a second query after a failure.
, packed as not materialized (
    select w.app_id, w.environment, w.since, case when w.since is not null then v.manifest_key end as serves,
           float8send(extract(epoch from w.until)::float8) || int4send(w.number) || {{manifest}} as move
      from which w
      join version v on v.app_id = w.app_id and v.number = w.number and v.manifest_key is not null
           and (not %(carefully)s or {{as_written}})
    offset 0  -- The rows are packed before they are sorted, not after.
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
-- For each environment that serves a version: all versions that it serves, or has served within the retention time.
with which as not materialized (
{{each}}
)
{{by_environment}}

-- name: served_some
-- Does the same as `served`, for a few apps. For all apps, grouping all moves would take longer than sending them.
with which as not materialized (
{{each_once}}
)
{{by_environment}}

-- name: of_another_form
-- The versions that a careful query leaves out. The log lists them.
select distinct v.app_id, v.number
  from ({{each}}) w
  join version v on v.app_id = w.app_id and v.number = w.number and not {{as_written}}

-- name: version
-- Looks up a version's own address, which is then cached.
select v.number, case when {{as_written}} then {{manifest}} end, extract(epoch from v.deployed_at)::float8,
       x.app_id is not null
  from version v
  join app a on a.id = v.app_id and a.deleted_at is null
  left join variants x on x.app_id = v.app_id and x.manifest_key = v.manifest_key
 where v.app_id = %(app)s and v.number = %(number)s and v.manifest_key is not null
   and not exists (select from pruned p where p.app_id = v.app_id and p.number = v.number)
