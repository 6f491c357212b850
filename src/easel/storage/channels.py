"""The channels of PostgreSQL's NOTIFY between the roles."""

from __future__ import annotations

CHANGES_CHANNEL = "easel_changes"
"""The channel of apps whose routing changed. The payload is the app's id."""
DEPLOYS_CHANNEL = "easel_deploys"
"""The channel of deploys with new log lines or a new status. The payload is the deploy's id."""
