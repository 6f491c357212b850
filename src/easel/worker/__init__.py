"""The worker role: the tasks it runs, the queue behind them, and housekeeping."""
