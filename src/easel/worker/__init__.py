"""The worker role: its tasks, the queue behind them, and housekeeping."""
