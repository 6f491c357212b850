"""Backups: exports of a running instance, restoring into an empty one, and audits of the live store's objects."""
