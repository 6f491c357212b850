"""Storage: records in PostgreSQL, objects in a folder or a bucket."""
