"""The api: the control plane, assembled from the domains' routes."""

# This import comes first, because it must precede every other import of the framework.
from easel.api import framework  # noqa: F401
