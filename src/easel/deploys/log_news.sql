-- name: news
-- Every look of every open log stream, a hundred of them for one organisation: through a session, three statements took ten
-- times the processor time. Key, app and deploy as they are now; every scope includes reading. The status and the lines are of
-- one moment, so if the deploy has ended, these are its last lines.
select d.org_id, d.status, l.seq, l.ts, l.line
  from api_key k
  join app a on a.id = %(app)s and a.org_id = k.org_id and a.deleted_at is null
            and (k.app_id is null or k.app_id = a.id)
  join deploy d on d.id = %(deploy)s and d.app_id = a.id and d.org_id = a.org_id
  left join lateral (
      select seq, ts, line from deploy_log where deploy_id = d.id and seq > %(after)s order by seq limit %(most)s
  ) l on true
 where k.hash = %(key)s and k.revoked_at is null
 order by l.seq
