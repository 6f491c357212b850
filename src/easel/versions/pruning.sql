-- name: may_go
-- Reads all versions of an app, and returns only the versions that may be pruned. Versions that failed their smoke test are
-- counted separately, so that they displace no good version. The result never contains a version that an environment serves,
-- has served within the time for which open tabs get its files, or served just before its present version. It never contains a
-- version that an unfinished deploy is about to make live.
with kept as (
    select v.number, v.deployed_at,
           row_number() over (partition by coalesce(d.status = 'failed', false) order by v.number desc) as place
      from version v left join pruned p on p.app_id = v.app_id and p.number = v.number
      left join deploy d on d.id = v.deploy_id
     where v.app_id = %(app)s and v.manifest_key is not null and p.number is null
), moves as (
    select from_version, at, row_number() over (partition by environment order by id desc) as place
      from audit
     where app_id = %(app)s and from_version is not null and from_version is distinct from to_version
)
select number from kept
 where (%(count)s::bigint is null or place > %(count)s)
   and (%(age)s::float8 is null or deployed_at < now() - make_interval(secs => %(age)s))
   and number not in (select version from environment where app_id = %(app)s and version is not null)
   and number not in (
       select from_version from moves where place = 1 or at > now() - make_interval(secs => %(skew)s))
   and number not in (
       select version from deploy
        where app_id = %(app)s and version is not null and {{deploys.states.unfinished}})

-- name: prune
-- Inserts as many rows as there are versions to prune, in one round trip.
insert into pruned (app_id, number, org_id, at)
 select %(app)s::text, number, %(org)s::text, now() from unnest(%(numbers)s::integer[]) as number

-- name: forget_variants
-- Compares sets inside the database, without reading them.
delete from variants x where x.app_id = %(app)s and not exists (
    select from version v left join pruned p on p.app_id = v.app_id and p.number = v.number
     where v.app_id = x.app_id and v.manifest_key = x.manifest_key and p.number is null)

-- name: forget_configurations
-- Compares sets inside the database, without reading them. A rollback restores the configuration that was published before the
-- live one. Before the first publish, it restores the configuration of the previous version.
with live as (
    select v.number, v.previous_published
      from version v join app a on a.id = v.app_id and a.published_version = v.number
     where v.app_id = %(app)s
), needed as (
    select v.config_hash
      from version v left join pruned p on p.app_id = v.app_id and p.number = v.number
     where v.app_id = %(app)s
       and (p.number is null or v.number in (select number from live) or v.number in (
           select coalesce(l.previous_published, (
               select max(b.number) from version b where b.app_id = %(app)s and b.number < l.number)) from live l))
)
delete from configuration where app_id = %(app)s and hash not in (select config_hash from needed)
