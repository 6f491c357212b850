"""Caches of an edge, which it can lose: manifests, and bundles in memory and on disk."""
