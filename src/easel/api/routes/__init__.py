"""The operations over HTTP, a module for each domain."""
