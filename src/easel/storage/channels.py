"""The channels of PostgreSQL's NOTIFY between the roles."""

from __future__ import annotations

CHANGES_CHANNEL = "easel_changes"
"""Apps whose routing changed; the payload is the app's id."""
DEPLOYS_CHANNEL = "easel_deploys"
"""Deploys with new log lines or a new status; the payload is the deploy's id."""
