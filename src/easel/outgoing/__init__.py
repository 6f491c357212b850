"""Connections that Easel makes for its users: the allowed hosts and addresses, a proxy, and an HTTP client."""
