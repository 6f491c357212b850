"""Caches of an edge that it can lose: manifests, bundles in memory and on disk."""
