"""Backups: everything Easel holds, out of a running instance and into a fresh one, verified by hashes; and verifying
what a running instance holds."""
