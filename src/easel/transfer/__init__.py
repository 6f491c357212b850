"""Backups: everything Easel holds, out of a running instance and into a fresh one, verified by hashes."""
