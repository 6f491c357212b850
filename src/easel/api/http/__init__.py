"""Shared parts of all routes: services, bounded bodies, transactions, idempotency, limits, errors."""
