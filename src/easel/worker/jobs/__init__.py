"""The queue as a worker sees it: claiming jobs, leases, retries, and turns.

`tasks` and `queue` are its interface. No module outside this package imports procrastinate; `storage/queue.py`, which
enqueues jobs, calls its function in the database.
"""
