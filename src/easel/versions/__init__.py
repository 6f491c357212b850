"""Versions: immutable, numbered, comparable, downloadable, restorable."""
