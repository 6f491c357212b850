"""Holding rules against a request: patterns, an index of them, targets, headers, addresses of pages."""
