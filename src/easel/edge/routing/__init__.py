"""Host label to environment to version: the table in memory, its feed from the database, its copy on disk."""
