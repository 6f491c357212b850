"""The operations over HTTP, one module for each domain."""
