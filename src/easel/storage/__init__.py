"""Storage: records in PostgreSQL, and objects (bundles, manifests, uploads) in a folder or a bucket."""
