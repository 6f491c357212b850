"""Backups: everything out of a running instance and into an empty one; auditing the objects of the live store."""
