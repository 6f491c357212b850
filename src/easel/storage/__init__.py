"""What Easel keeps and where: records in PostgreSQL, objects in a folder or a bucket."""
