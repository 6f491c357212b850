-- name: used
-- Counts apps and procrastinate's jobs in one round trip.
select (select count(*) from app where org_id = %(org)s and deleted_at is null),
       (select count(*) from procrastinate_jobs where status = 'doing' and queue_name = %(deploys)s and org_id = %(org)s),
       (select count(*) from procrastinate_jobs where status = 'doing' and queue_name = %(builds)s and org_id = %(org)s),
       ({{deploys.service.waiting}}),
       {{deploys.service.build_time}}
