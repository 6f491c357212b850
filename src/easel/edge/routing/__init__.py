"""Finds the version for a host label: the table in memory, its feed from the database, its saved copy on disk."""
