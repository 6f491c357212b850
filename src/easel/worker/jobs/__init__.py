"""The queue as a worker sees it: claiming jobs, leases, retries, and whose turn it is."""
