"""The api: the control plane, assembled from the domains' routes."""
