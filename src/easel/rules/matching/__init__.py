"""Matches rules against a request: patterns, their index, targets, headers, addresses of pages."""
