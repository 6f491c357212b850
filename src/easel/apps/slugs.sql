-- part: cut_alike
-- A long slug is also taken if another slug has the same truncated addresses (migration 0007). The condition is written in the
-- same form as in the partial indexes of apps/models.py (`is_cut`, `short_host`).
length(slug) > 49 and length(%(slug)s::text) > 49
   and ("left"(slug::text, 42) || "left"(encode(sha256(slug::bytea), 'hex'::text), 6))
     = ("left"(%(slug)s::text::text, 42) || "left"(encode(sha256(%(slug)s::text::bytea), 'hex'::text), 6))

-- name: taken
-- Uses two partial indexes of expressions, one for each half.
select 1 from app where deleted_at is null and slug = %(slug)s::text
 union all
select 1 from app where deleted_at is null and {{cut_alike}}

-- name: reserved
-- Does the same as `taken` for slugs that other organisations have had recently.
select 1 from former_slug where freed_at > %(since)s and org_id <> %(org)s and slug = %(slug)s::text
 union all
select 1 from former_slug where freed_at > %(since)s and org_id <> %(org)s and {{cut_alike}}
