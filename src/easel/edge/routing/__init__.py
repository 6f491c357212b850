"""Host label to environment to version: the table in memory, its feed from the database, its saved copy on disk."""
