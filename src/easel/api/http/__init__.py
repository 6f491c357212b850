"""What all routes share: services, bounded bodies, transactions, idempotency, limits, errors."""
