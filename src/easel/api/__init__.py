"""The api: the control plane, assembled from the domains' routes."""

# Before any other module imports the framework.
from easel.api import framework  # noqa: F401
