-- part: cut_alike
-- A long slug is taken as well by one that has the same addresses where it is cut (migration 0007). Written as the partial
-- indexes of apps/models.py have it (`is_cut`, `short_host`).
length(slug) > 49 and length(%(slug)s::text) > 49
   and ("left"(slug::text, 42) || "left"(encode(sha256(slug::bytea), 'hex'::text), 6))
     = ("left"(%(slug)s::text::text, 42) || "left"(encode(sha256(%(slug)s::text::bytea), 'hex'::text), 6))

-- name: taken
-- Goes by two partial indexes of expressions, one for each half.
select 1 from app where deleted_at is null and slug = %(slug)s::text
 union all
select 1 from app where deleted_at is null and {{cut_alike}}

-- name: reserved
-- The same of slugs that other organisations had lately.
select 1 from former_slug where freed_at > %(since)s and org_id <> %(org)s and slug = %(slug)s::text
 union all
select 1 from former_slug where freed_at > %(since)s and org_id <> %(org)s and {{cut_alike}}
