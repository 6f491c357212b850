"""Real parts for tests and benchmarks: a running Easel, object stores, databases, bundles."""
