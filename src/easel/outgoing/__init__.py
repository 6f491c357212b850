"""Connections that Easel makes for its users: which hosts and addresses they may reach, a proxy, an HTTP client."""
