"""The worker role: its tasks, the queue that it takes jobs from, and housekeeping."""
