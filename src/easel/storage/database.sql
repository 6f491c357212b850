-- name: read_only
-- Used by readiness checks. They would be an idle api's only use of SQLAlchemy's statements, which take four megabytes.
show transaction_read_only
