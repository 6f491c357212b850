-- name: read_only
-- For readiness checks. They would be an idle api's only use of SQLAlchemy's statements, which take four megabytes there.
show transaction_read_only
