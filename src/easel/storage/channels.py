"""The channels of PostgreSQL's NOTIFY, through which the roles (api, edge, worker) tell each other about changes."""

from __future__ import annotations

CHANGES_CHANNEL = "easel_changes"
"""The channel for apps whose routing has changed. The payload is the app's id."""
DEPLOYS_CHANNEL = "easel_deploys"
"""The channel for deploys with new log lines or a new status. The payload is the deploy's id."""
