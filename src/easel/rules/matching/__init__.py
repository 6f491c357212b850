"""Matches redirect lines and header blocks with a request: their path patterns, an index of these patterns, their
targets and headers, and the addresses of pages."""
