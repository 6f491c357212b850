"""Backups: exports a running instance, restores into an empty instance, and audits the live store's objects."""
