"""Caches of an edge: manifests, and bundles in memory and on disk. All cached data can be lost."""
