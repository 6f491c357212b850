-- name: news
-- Every poll of every open log stream runs this statement, and one organisation may have a hundred streams. Three statements in
-- a SQLAlchemy session would take ten times the processor time. Key, app and deploy are read in their current state, and every
-- scope includes reading. The status and the lines are from the same moment, so the lines of an ended deploy include its last
-- line.
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
