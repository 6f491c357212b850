"""The api: the control plane, assembled from the domains' routes."""

# This import comes before all other modules import the framework.
from easel.api import framework  # noqa: F401
