"""The queue from the side of the workers: claiming jobs, leases, retries, and turns (the order in which organisations
get jobs).

`tasks` and `queue` are the interface of this package. No module outside it imports procrastinate. `storage/queue.py`,
which enqueues jobs, calls procrastinate's function in the database.
"""
