"""Backups: copies the records and objects of a running instance, restores them into an empty instance, and verifies the
objects in the live store."""
