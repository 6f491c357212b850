"""The queue as a worker sees it: claiming jobs, leases, retries, and whose turn it is.

`tasks` and `queue` are its interface. No module outside this package imports procrastinate; `storage/queue.py`, which
puts jobs there, calls its function in the database.
"""
