"""The api: the control plane, put together from the domains' routes."""
