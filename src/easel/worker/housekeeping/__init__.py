"""Background work of a worker: compressing files, sweeping, removing orphaned objects, and freeing disk space."""
